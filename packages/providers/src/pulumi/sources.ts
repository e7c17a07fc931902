/**
 * Where plugins come from. Source: pulumi/pulumi `sdk/go/common/workspace/plugins.go` (githubSource, getPulumiSource, httpSource).
 */
import { OrchError } from "@orch/core/model/failure";
import type { PackageDescriptor } from "@orch/core/model/resource";
import { archiveName, type Platform, thisPlatform } from "./platform.js";

/** The URLs at which the vendor offers the plugin, in the order in which they are tried. */
export function vendorUrls(
  descriptor: Pick<PackageDescriptor, "name" | "downloadUrl">,
  version: string,
  platform: Platform = thisPlatform(),
): string[] {
  const { name, downloadUrl } = descriptor;
  const archive = archiveName(name, version, platform);
  if (downloadUrl === undefined) {
    return [
      `https://github.com/pulumi/pulumi-${name}/releases/download/v${version}/${archive}`,
      `https://get.pulumi.com/releases/plugins/${archive}`,
    ];
  }
  if (downloadUrl.startsWith("github://")) {
    const url = new URL(downloadUrl);
    const [organization, repository = `pulumi-${name}`] = url.pathname
      .split("/")
      .filter((part) => part !== "");
    if (organization !== undefined) {
      const host = url.host === "api.github.com" ? "github.com" : url.host;
      return [`https://${host}/${organization}/${repository}/releases/download/v${version}/${archive}`];
    }
  }
  if (/^https?:\/\//.test(downloadUrl)) return [fillTemplate(downloadUrl, { name, version, platform })];
  throw new OrchError({
    reason: "unsupported",
    message: `orch cannot download from ${downloadUrl}.`,
    expected: "http://, https:// or github://",
    found: downloadUrl,
    next: [
      `Fetch ${archive} yourself, then: orch plugin install resource ${name} ${version} --file ${archive}`,
    ],
  });
}

/**
 * A mirror's address for one plugin: `{name}`, `{version}`, `{os}` and `{arch}` (or Pulumi's `${NAME}` …) are filled in; an
 * address that does not end in an archive's name is a folder that holds archives under the vendor's names.
 */
export function fillTemplate(
  template: string,
  values: { name: string; version: string; platform: Platform },
): string {
  const { name, version, platform } = values;
  const filled: Record<string, string> = { name, version, os: platform.os, arch: platform.arch };
  // A URL may have its braces escaped.
  const text = template
    .replace(
      /\$?(?:\{|%7B)(name|version|os|arch)(?:\}|%7D)/gi,
      (_all, key: string) => filled[key.toLowerCase()] as string,
    )
    .replace(/\/+$/, "");
  return /\.(tar\.gz|tgz|tar)(\?.*)?$/.test(text) ? text : `${text}/${archiveName(name, version, platform)}`;
}

/** A URL as it may be shown: without what somebody logs in with. */
export function withoutCredentials(address: string): string {
  return address
    .replace(/^(\w+:\/\/)[^/@]*@/, "$1")
    .replace(/([?&][^=&]*(?:token|sig|key|secret|password)[^=&]*=)[^&]+/gi, "$1…");
}
