// The tools that building the addon takes: cargo, a Rust that is new enough, a linker.
import { execFileSync } from 'node:child_process';

/** The least Rust, as crate/Cargo.toml's `rust-version` says. */
export const LEAST_RUST = { major: 1, minor: 88 };

const INSTALL_RUST = 'install Rust from https://rustup.rs';
const LINKERS = ['cc', 'gcc', 'clang'];

/**
 * @typedef {(command: string, args: string[]) => string | undefined} Ask
 *   what a command printed, or nothing when it is not there or fails
 */

/** @type {Ask} */
export function ask(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/**
 * One sentence with the remedy for each tool that is missing or too old.
 *
 * @param {Ask} [askTool]
 * @returns {string[]}
 */
export function toolchainProblems(askTool = ask) {
  return [cargoProblem(askTool), linkerProblem(askTool)].filter((problem) => problem !== undefined);
}

/** @param {Ask} askTool */
function cargoProblem(askTool) {
  const least = `${LEAST_RUST.major}.${LEAST_RUST.minor}`;
  if (askTool('cargo', ['--version']) === undefined) {
    return `shmring's core is built with cargo, which was not found or does not run: ${INSTALL_RUST} (${least} or later) and open a new shell.`;
  }
  const printed = askTool('rustc', ['--version']);
  const version = /^rustc (\d+)\.(\d+)\.(\d+)/.exec(printed ?? '');
  if (version === null) {
    return `cargo is there but rustc was not found or does not run: ${INSTALL_RUST} (${least} or later) and open a new shell.`;
  }
  const [major, minor] = [Number(version[1]), Number(version[2])];
  const newEnough = major > LEAST_RUST.major || (major === LEAST_RUST.major && minor >= LEAST_RUST.minor);
  if (newEnough) return undefined;
  return `shmring needs Rust ${least} or later and this is ${version[1]}.${version[2]}.${version[3]}: run \`rustup update stable\`, or ${INSTALL_RUST}.`;
}

/** @param {Ask} askTool */
function linkerProblem(askTool) {
  if (LINKERS.some((linker) => askTool(linker, ['--version']) !== undefined)) return undefined;
  return 'Rust needs a C linker and none of cc, gcc and clang was found: install one, for instance with `sudo apt-get install gcc libc6-dev` or `sudo dnf install gcc`.';
}
