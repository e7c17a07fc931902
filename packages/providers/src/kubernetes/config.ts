/** The provider's configuration: the properties that Pulumi's plugin has. Those that the direct provider can't do are refused, not ignored. */
import type { CheckFailure } from "@orch/core/provider/contract";
import { z } from "zod";
import { usePlugin } from "./kinds.js";

const onlyPlugin = `is served by Pulumi's plugin only. ${usePlugin}`;

export const configuration = z.strictObject({
  kubeconfig: z
    .string()
    .optional()
    .meta({ secret: true })
    .describe(
      "The text of a kubeconfig file, or its path. Default: $KUBECONFIG, ~/.kube/config, then the service account of the pod.",
    ),
  context: z.string().optional().describe("A context of the kubeconfig. Default: its current one."),
  cluster: z.string().optional().describe("A cluster of the kubeconfig instead of the context's."),
  namespace: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, "a namespace's name: small letters, digits and -")
    .optional()
    .describe("Of objects that name none. Default: the context's."),
  clusterIdentifier: z
    .string()
    .optional()
    .describe("Only when it changes is everything made anew; without it when the server does."),
  deleteUnreachable: z
    .boolean()
    .default(false)
    .describe("Objects of a cluster that can't be reached count as gone."),
  skipUpdateUnreachable: z
    .boolean()
    .default(false)
    .describe("Objects of a cluster that can't be reached count as unchanged."),
  enableConfigMapMutable: z
    .boolean()
    .default(false)
    .describe("Change the data of ConfigMaps in place, rather than replace them."),
  enableSecretMutable: z
    .boolean()
    .default(false)
    .describe("Change the data of Secrets in place, rather than replace them."),
  enablePatchForce: z
    .boolean()
    .default(false)
    .describe("Take fields from other field managers, as `pulumi.com/patchForce` does."),
  enableServerSideApply: z.boolean().default(true).describe("Must be true: there is no other way here."),
  upsertExistingObjects: z
    .boolean()
    .default(false)
    .describe("Creating an object that is there already changes it, rather than fail."),
  suppressDeprecationWarnings: z.boolean().default(false).describe("Do not repeat the server's warnings."),
  suppressHelmHookWarnings: z.boolean().default(false).describe("Taken and without effect."),
  kubeClientSettings: z
    .strictObject({
      burst: z
        .number()
        .int()
        .positive()
        .optional()
        .describe("Requests at the same time, at most. Default 32."),
      qps: z
        .number()
        .positive()
        .optional()
        .describe("Taken and without effect: the server's own throttling is respected."),
      timeout: z.number().int().positive().optional().describe("Seconds for one request. Default 32."),
    })
    .default({})
    .describe("How requests are sent."),
  helmReleaseSettings: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("For Helm releases, which the plugin serves."),
  renderYamlToDirectory: z.string().optional().describe("Refused: only the plugin renders."),
  alwaysRender: z.boolean().optional().describe("Refused: only the plugin renders."),
});

export type Configuration = z.infer<typeof configuration>;

/** What is right by its type and can't be done here. */
export function configurationFailures(config: Partial<Configuration>): readonly CheckFailure[] {
  const failures: CheckFailure[] = [];
  if (config.enableServerSideApply === false)
    failures.push({
      path: "enableServerSideApply",
      message: `client-side apply ${onlyPlugin}`,
      expected: "true",
      found: "false",
    });
  if (config.renderYamlToDirectory)
    failures.push({
      path: "renderYamlToDirectory",
      message: `rendering to a folder ${onlyPlugin}`,
      expected: "nothing",
    });
  return failures;
}
