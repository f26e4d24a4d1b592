// Explicit resource management, in a file of its own: Node 20 and 22 cannot parse it.

/** Uses both ends of a ring within a scope; returns what must then be closed. */
export async function useUp(ring) {
  using consumer = ring.consumer();
  await using producer = ring.producer();
  await producer.write('kept');
  {
    using batch = consumer.peek();
    if (batch.count !== 1) throw new Error(`${batch.count} records instead of one`);
  }
  return [consumer, producer];
}
