/** The version of Pulumi that programs may ask for with `requirePulumiVersion`. */
import { createRequire } from "node:module";
import { OrchError } from "../../model/failure.js";

/** orch behaves as the Pulumi of the SDK that it is built with. Throws `unsupported` where the range leaves it out. */
export function requireVersion(range: string): void {
  const here = createRequire(import.meta.url);
  const sdk = createRequire(here.resolve("@pulumi/pulumi/package.json"));
  const { version } = sdk("./package.json") as { version: string };
  const semver = sdk("semver") as {
    validRange(range: string): string | null;
    satisfies(version: string, range: string): boolean;
  };
  if (semver.validRange(range) === null) {
    throw new OrchError({
      reason: "invalid-option",
      message: `requirePulumiVersion(${JSON.stringify(range)}) is not a version range.`,
      expected: "a range such as >=3.100.0",
      found: range,
    });
  }
  if (!semver.satisfies(version, range)) {
    throw new OrchError({
      reason: "unsupported",
      message: `The program requires Pulumi ${range}; orch behaves as Pulumi ${version}.`,
      expected: range,
      found: version,
      next: ["Update orch, or loosen the range in requirePulumiVersion."],
    });
  }
}
