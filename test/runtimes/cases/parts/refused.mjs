// Tells what the package says where it cannot work.
import { Ring, supported } from 'shmring';

const calls = [
  () => Ring.create('refused', { kind: 'spsc' }),
  () => Ring.open('refused'),
  () => Ring.unlink('refused'),
  () => Ring.list(),
];
const refusals = calls.map((call) => {
  try {
    return String(call());
  } catch ({ name, code, message }) {
    return { name, code, message };
  }
});
console.log(JSON.stringify({ supported, refusals }));
