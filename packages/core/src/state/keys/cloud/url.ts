/** The URLs by which people name a key of a key-management service; the same forms as Pulumi's `--secrets-provider`. */
import { fail } from "../../../model/failure.js";

export const cloudSchemes = ["awskms", "azurekeyvault", "hashivault"] as const;
export type CloudScheme = (typeof cloudSchemes)[number];

/** The forms, for messages and help. */
export const keyUrlForms = {
  awskms: "awskms://KEY-ID?region=REGION",
  azurekeyvault: "azurekeyvault://VAULT/KEY",
  hashivault: "hashivault://KEY",
} as const satisfies Record<CloudScheme, string>;

/** Undefined when the text is no URL of a service. */
export function schemeOf(text: string): CloudScheme | undefined {
  const scheme = /^([a-z]+):\/\//.exec(text)?.[1];
  return cloudSchemes.find((known) => known === scheme);
}

/** What stands before the `?`, and the parameters behind it. Not `new URL`: a key id may be an ARN or `alias/name`. */
export function splitKeyUrl(url: string): { readonly name: string; readonly query: URLSearchParams } {
  const [before = "", ...rest] = url.replace(/^[a-z]+:\/\/\/?/, "").split("?");
  return { name: decodeURIComponent(before), query: new URLSearchParams(rest.join("?")) };
}

export const failKeyUrl = (scheme: CloudScheme, url: string, why: string): never =>
  fail({
    reason: "config-invalid",
    message: `${JSON.stringify(url)} does not name a key: ${why}.`,
    path: "encryption.url",
    expected: keyUrlForms[scheme],
    found: url,
    next: ["Correct the URL."],
  });
