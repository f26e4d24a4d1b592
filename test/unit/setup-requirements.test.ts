import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nodeSupported, platformProblem } from '../../scripts/setup/platform.mjs';
import { LEAST_RUST, toolchainProblems } from '../../scripts/setup/toolchain.mjs';

/** A machine whose tools print what is given, and lack what is not. */
const machine = (tools: Record<string, string>) => (command: string) => tools[command];

const whole = { cargo: 'cargo 1.95.0', rustc: 'rustc 1.95.0 (abc 2026-04-14)', cc: 'cc 12' };

function expectOneSentence(text: string | undefined): void {
  expect(text).toMatch(/^[^\n]+\.$/);
}

describe('the Node version', () => {
  test.each(['20.19.0', '20.20.2', '22.13.0', '22.99.1', '24.0.0', '25.1.0', '26.0.0'])(
    '%s will do',
    (version) => {
      expect(nodeSupported(version)).toBe(true);
      expect(platformProblem('linux', version)).toBeUndefined();
    },
  );

  test.each(['12.22.12', '18.20.8', '20.18.3', '21.7.0', '22.12.0', '23.11.0'])(
    '%s is refused',
    (version) => {
      expect(nodeSupported(version)).toBe(false);
      expectOneSentence(platformProblem('linux', version));
    },
  );

  test('is the one that package.json asks for', () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(engines.node).toBe('^20.19.0 || ^22.13.0 || >=24');
  });
});

test.each(['darwin', 'win32', 'freebsd'])('%s is refused in one sentence with a remedy', (platform) => {
  const problem = platformProblem(platform, '24.0.0');
  expectOneSentence(problem);
  expect(problem).toContain('Linux');
});

describe('the tools that build the addon', () => {
  test('are all there', () => {
    expect(toolchainProblems(machine(whole))).toEqual([]);
  });

  test.each(['gcc', 'clang'])('%s links as well as cc', (linker) => {
    expect(toolchainProblems(machine({ ...whole, cc: undefined, [linker]: 'there' } as never))).toEqual([]);
  });

  test.each([
    ['no cargo', { rustc: whole.rustc, cc: whole.cc }, 'rustup.rs'],
    ['no rustc', { cargo: whole.cargo, cc: whole.cc }, 'rustup.rs'],
    ['no linker', { cargo: whole.cargo, rustc: whole.rustc }, 'apt-get install gcc'],
    ['an old Rust', { ...whole, rustc: 'rustc 1.87.0 (abc 2025-05-15)' }, 'rustup update'],
    ['a very old Rust', { ...whole, rustc: 'rustc 0.12.0' }, 'rustup update'],
  ])('%s: one sentence with the remedy', (_, tools, remedy) => {
    const problems = toolchainProblems(machine(tools));
    expect(problems).toHaveLength(1);
    expectOneSentence(problems[0]);
    expect(problems[0]).toContain(remedy);
  });

  test('what is missing is told all at once', () => {
    expect(toolchainProblems(machine({}))).toHaveLength(2);
  });

  test('the least Rust is the one of the crate', () => {
    const crate = readFileSync('crate/Cargo.toml', 'utf8');
    expect(crate).toContain(`rust-version = "${LEAST_RUST.major}.${LEAST_RUST.minor}"`);
  });
});
