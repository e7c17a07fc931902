/** The environment that plugins run in. */
import type { LoadContext } from "@orch/core/provider/contract";
import { withoutOwnSecrets } from "@orch/core/provider/environment";
import { traceEnvironment } from "@orch/core/trace/span";

/**
 * orch's own environment, without orch's own keys; then what Pulumi sets; then `envVarMappings` (name that is read → name that the
 * plugin sees), as in pulumi/pulumi `pkg/resource/deploy/providers/registry.go`.
 */
export function pluginEnvironment(
  context: Pick<LoadContext, "project" | "envVarMappings">,
  environment: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const env = withoutOwnSecrets(environment);
  // Below the span that starts it; without one, as orch itself was started.
  Object.assign(env, traceEnvironment());
  env.PULUMI_PROJECT = context.project;
  for (const [from, to] of Object.entries(context.envVarMappings ?? {})) {
    const value = environment[from];
    if (value !== undefined) env[to] = value;
  }
  return env;
}
