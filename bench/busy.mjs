// A program that wants a CPU all the time and has nothing to do with a ring: { cpus }, or any CPU.
import { placeThread } from '../dist/index.js';

placeThread(JSON.parse(process.argv[2]));
console.log('busy');
for (;;);
