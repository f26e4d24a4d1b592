// Ends this process when the shell that npm put before it is gone.
//
// `npm start` runs us through `sh -c`. A SIGTERM sent to npm reaches that shell and ends it, but not
// us: without this the program would run on with nobody who can stop it.

const LOOK_MS = 200;

/** Does nothing but under npm: who starts us by hand may leave us behind on purpose. */
export function endWithParent() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_MS);
  timer.unref();
}
