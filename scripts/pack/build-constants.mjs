// The module that stands in a packed package where a clone has ts/build.ts. A bundler takes it along as it is: had it to
// look for a manifest at run time, it would find the application's, and what looks for `native/` does not build at all.

/**
 * @param {import('./manifest.mjs').Manifest & { optionalDependencies?: object }} main as it is published
 * @returns {string} dist/build.js
 */
export function buildConstants({ version, optionalDependencies = {} }) {
  const [own, packages] = [version, Object.keys(optionalDependencies)].map((value) => JSON.stringify(value));
  return `/** Written when the package was packed. */
export const version = () => ${own};
export const published = ${packages};
export const localAddon = () => undefined;
`;
}
