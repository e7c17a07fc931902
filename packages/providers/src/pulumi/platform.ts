/** Names of machines and files, as Pulumi's releases spell them. */

/** `linux-amd64`, `darwin-arm64`, `windows-amd64`. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

const osNames: Readonly<Record<string, string>> = { win32: "windows" };
const archNames: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

export function thisPlatform(): Platform {
  return {
    os: osNames[process.platform] ?? process.platform,
    arch: archNames[process.arch] ?? process.arch,
  };
}
export const platformName = (platform: Platform): string => `${platform.os}-${platform.arch}`;

/** What the executable of a plugin may be called, most likely first. */
export function executableNames(name: string, platform: Platform = thisPlatform()): string[] {
  const base = `pulumi-resource-${name}`;
  return platform.os === "windows" ? [`${base}.exe`, `${base}.cmd`] : [base];
}
/** The folder of a plugin within a cache. */
export const pluginFolder = (name: string, version: string): string => `resource-${name}-v${version}`;
/** The archive of a plugin, as vendors publish it. */
export const archiveName = (name: string, version: string, platform: Platform): string =>
  `pulumi-resource-${name}-v${version}-${platformName(platform)}.tar.gz`;
