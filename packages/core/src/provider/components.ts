/** Components whose code is a provider's (remote components) and their methods, as planning and applying both ask for them. */
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import type { ProgramCall, ProgramConstruct } from "../program/contract.js";
import type { ConstructResponse, MethodResponse } from "./contract.js";
import { about, invokeFailure } from "./failures.js";
import type { ConfiguredProvider } from "./registry.js";

/** `configured`: undefined while the provider's configuration is not known. Rejects with an OrchError that names the component. */
export async function constructThrough(
  configured: ConfiguredProvider | undefined,
  request: ProgramConstruct,
  signal?: AbortSignal,
): Promise<ConstructResponse> {
  const { provider: through, source: _, ...construct } = request;
  try {
    if (configured === undefined) throw new OrchError(tooEarly(`The component ${request.name}`, through));
    const { provider } = configured;
    if (provider.construct === undefined) {
      throw new OrchError({
        reason: "unsupported",
        message: `The provider ${provider.package.name} makes no components, and ${request.type} is one that it would have to make.`,
        next: [
          "Where orch serves the package by itself, its plugin can: set `plugin` for it in the project's configuration.",
        ],
      });
    }
    return await provider.construct({ ...construct, ...(signal ? { signal } : {}) });
  } catch (error) {
    throw new OrchError(about(request, toFailure(error)), { cause: error });
  }
}

/** A method of a component. */
export async function callThrough(
  configured: ConfiguredProvider | undefined,
  { provider: through, ...request }: ProgramCall,
  signal?: AbortSignal,
): Promise<Omit<MethodResponse, "failures">> {
  if (configured === undefined) throw new OrchError(tooEarly(`The method ${request.token}`, through));
  const { provider } = configured;
  if (provider.call === undefined) {
    throw new OrchError({
      reason: "unsupported",
      message: `The provider ${provider.package.name} has no methods, and ${request.token} is one.`,
    });
  }
  const { failures, ...answer } = await provider.call({ ...request, ...(signal ? { signal } : {}) });
  if (failures.length > 0) throw new OrchError(invokeFailure(request.token, failures));
  return answer;
}

const tooEarly = (what: string, provider: string): Failure => ({
  reason: "unsupported",
  message: `${what} can't be planned: its provider makes it, and that one's configuration is known only after the apply.`,
  expected: `a configuration of ${provider} that is known in the plan`,
  found: "one that comes from resources which do not exist yet",
  next: ["Apply what the configuration comes from first, by itself; then plan the whole."],
});
