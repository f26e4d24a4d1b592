/**
 * Finds the package that holds the addon for a platform. Its name stands literally in each call of a `require` that was
 * made here: what traces files (@vercel/nft) follows such calls. Bundlers must not, for a bundle cannot hold an addon.
 * Both need just this form, `const … = module.createRequire(…)`: with the default import, since webpack resolves the calls
 * of what the named one made; and of a place that no tool can know, since Turbopack resolves those of `import.meta.url`.
 */

import module from 'node:module';

/** Of a platform package's manifest, what is compared before its addon is loaded; `addonBytes`: the size of that. */
export interface AddonManifest {
  version: string;
  addonBytes?: number;
}

/** A platform package as it is seen from one place. */
export interface AddonPackage {
  /** Throws `MODULE_NOT_FOUND` where there is none. */
  manifest(): AddonManifest;
  /** The path of the addon. */
  file(): string;
  addon(): object;
}

/** `undefined`: there is no such package. Throws when `place` is neither a path nor the URL of a file. */
export function addonPackage(platform: string, place: string): AddonPackage | undefined {
  const here = module.createRequire(place);
  switch (platform) {
    case 'linux-x64-gnu':
      return {
        manifest: () => here('shmring-linux-x64-gnu/package.json'),
        file: () => here.resolve('shmring-linux-x64-gnu/shmring.linux-x64-gnu.node'),
        addon: () => here('shmring-linux-x64-gnu/shmring.linux-x64-gnu.node'),
      };
    case 'linux-arm64-gnu':
      return {
        manifest: () => here('shmring-linux-arm64-gnu/package.json'),
        file: () => here.resolve('shmring-linux-arm64-gnu/shmring.linux-arm64-gnu.node'),
        addon: () => here('shmring-linux-arm64-gnu/shmring.linux-arm64-gnu.node'),
      };
    case 'linux-x64-musl':
      return {
        manifest: () => here('shmring-linux-x64-musl/package.json'),
        file: () => here.resolve('shmring-linux-x64-musl/shmring.linux-x64-musl.node'),
        addon: () => here('shmring-linux-x64-musl/shmring.linux-x64-musl.node'),
      };
    case 'linux-arm64-musl':
      return {
        manifest: () => here('shmring-linux-arm64-musl/package.json'),
        file: () => here.resolve('shmring-linux-arm64-musl/shmring.linux-arm64-musl.node'),
        addon: () => here('shmring-linux-arm64-musl/shmring.linux-arm64-musl.node'),
      };
    default:
      return undefined;
  }
}

/** The manifest of shmring itself as it is seen from a place; throws as {@link addonPackage} does. */
export function ownPackage(place: string): string {
  const here = module.createRequire(place);
  return here.resolve('shmring/package.json');
}
