// The manifests of the packages that are published, made from the repository's own.

/**
 * @typedef {Record<string, unknown> & { name: string, version: string, files: string[],
 *   engines: object, license: string, napi: { binaryName: string, targets: string[] } }} RootManifest
 * @typedef {{ name: string, os: string, cpu: string, libc?: 'glibc' | 'musl' }} Platform
 *   `name`: such as `linux-x64-gnu`
 * @typedef {Record<string, unknown> & { name: string, version: string, files: string[] }} Manifest
 */

/** What a user's npm has a use for; nothing else of the repository's manifest is published. */
const PUBLISHED = [
  ...['name', 'version', 'description', 'keywords', 'license', 'author', 'homepage', 'bugs', 'repository'],
  ...['type', 'engines', 'exports', 'types', 'files'],
];

/**
 * @param {RootManifest} root
 * @param {readonly Platform[]} platforms those packed beside it
 * @returns {Manifest}
 */
export function mainManifest(root, platforms) {
  const published = PUBLISHED.filter((key) => key in root).map((key) => [key, root[key]]);
  const packages = platforms.map((platform) => [packageOf(root, platform), root.version]);
  return { ...Object.fromEntries(published), optionalDependencies: Object.fromEntries(packages) };
}

/**
 * @param {RootManifest} root
 * @param {Platform} platform
 * @param {number} addonBytes which ts/load.ts compares
 * @returns {Manifest}
 */
export function platformManifest(root, platform, addonBytes) {
  const { version, license, engines, repository } = root;
  const addon = addonOf(root, platform);
  return {
    name: packageOf(root, platform),
    version,
    description: `The addon of ${root.name} for ${platform.name}`,
    license,
    ...(repository !== undefined && { repository }),
    engines,
    os: [platform.os],
    cpu: [platform.cpu],
    ...(platform.libc && { libc: [platform.libc] }),
    type: 'commonjs',
    main: addon,
    files: [addon],
    addonBytes,
  };
}

/**
 * @param {RootManifest} root
 * @param {Platform} platform
 */
export function packageOf(root, platform) {
  return `${root.name}-${platform.name}`;
}

/**
 * The file name that `napi build --platform` gives the addon.
 *
 * @param {RootManifest} root
 * @param {Platform} platform
 */
export function addonOf(root, platform) {
  return `${root.napi.binaryName}.${platform.name}.node`;
}
