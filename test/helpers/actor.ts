import { type Child, type Message, start } from './children.js';
import { PATIENCE_MS } from './time.js';

/** A child process that makes the calls it is told to; see fixtures/actor.mjs. */
export class Actor {
  readonly child: Child;

  constructor(name: string, wrapper: string[] = [], nodeOptions: string[] = []) {
    this.child = start('actor', { name }, nodeOptions, wrapper);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Makes a call and returns what it says of the result; `code` when it threw. */
  async do(act: string, details: object = {}, limitMs = PATIENCE_MS): Promise<Message> {
    this.child.send({ act, ...details });
    await this.child.message('begins', limitMs);
    return this.child.message('did', limitMs);
  }

  /** Lets it begin a call that is not expected to return soon. */
  async begin(act: string, details: object = {}): Promise<void> {
    this.child.send({ act, ...details });
    await this.child.message('begins');
  }

  /** What the call begun last said. */
  result(limitMs = PATIENCE_MS): Promise<Message> {
    return this.child.message('did', limitMs);
  }
}

/** An actor that has opened the ring and attached in these roles. */
export async function actorAt(name: string, ...roles: ('producer' | 'consumer')[]): Promise<Actor> {
  const actor = new Actor(name);
  for (const act of ['open', ...roles]) {
    const { code, message } = await actor.do(act);
    if (code !== undefined) throw new Error(`${act}: ${code} ${message}`);
  }
  return actor;
}
