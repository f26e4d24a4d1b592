// What must be right before anything else can run. Plain ES2015: see ../setup.mjs.

// The Node versions of package.json's "engines": the least minor of a major, and everything from a major on.
/** @type {Record<number, number>} */
const leastMinorOf = { 20: 19, 22: 13 };
const everythingFrom = 24;

/**
 * @param {string} version as in `process.versions.node`
 * @returns {boolean}
 */
export function nodeSupported(version) {
  const parts = version.split('.');
  const major = Number(parts[0]);
  if (major >= everythingFrom) return true;
  const leastMinor = leastMinorOf[major];
  return leastMinor !== undefined && Number(parts[1]) >= leastMinor;
}

/**
 * One sentence with the remedy, or nothing when all is well.
 *
 * @param {string} platform as in `process.platform`
 * @param {string} nodeVersion as in `process.versions.node`
 * @returns {string | undefined}
 */
export function platformProblem(platform, nodeVersion) {
  if (platform !== 'linux') {
    return (
      'shmring needs Linux (it stands on /dev/shm, futexes and OFD locks) and this is ' +
      platform +
      ': use a Linux machine, a virtual machine, a container or WSL 2.'
    );
  }
  if (!nodeSupported(nodeVersion)) {
    return (
      'shmring needs Node.js 20.19 or later of 20, 22.13 or later of 22, or any from 24 on, and this is ' +
      nodeVersion +
      ': install a current one from https://nodejs.org or with your version manager.'
    );
  }
  return undefined;
}
