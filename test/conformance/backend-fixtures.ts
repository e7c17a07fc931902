/** Small states and records that both processes of the suite agree on. */
import type { StepOp } from "@orch/core/model/plan";
import type { ResourceState } from "@orch/core/model/resource";
import { makeUrn, type Urn } from "@orch/core/model/urn";
import { type PropertyMap, Secret } from "@orch/core/model/value";
import type { Intent, Outcome, StateWrite } from "@orch/core/state/contract";

export const project = "shop";
export const stack = "dev";
export const key = Buffer.alloc(32, 7);
export const type = "test:index:Thing";
export const urnOf = (name: string): Urn => makeUrn(stack, project, undefined, type, name);

/** What must never be found in clear in anything that a backend wrote. */
export const secretText = "correct horse/battery staple ☃";

export function stateOf(urn: Urn, change: Partial<ResourceState> = {}): ResourceState {
  return {
    urn,
    type,
    name: urn.slice(urn.lastIndexOf("::") + 2),
    custom: true,
    id: `id of ${urn}`,
    inputs: { size: 3, password: new Secret(secretText) },
    outputs: { size: 3, password: new Secret(secretText), url: "http://example.test/" },
    dependencies: [],
    propertyDependencies: {},
    options: {},
    ...change,
  };
}

export const intentOf = (step: number, op: StepOp, urn: Urn, inputs: PropertyMap = {}): Intent => ({
  kind: "intent",
  step,
  op,
  urn,
  type,
  token: `token ${step}`,
  inputs: { password: new Secret(secretText), ...inputs },
  at: 1_000 + step,
});

export const outcomeOf = (
  step: number,
  op: StepOp,
  urn: Urn,
  writes: readonly StateWrite[],
  result: Outcome["result"] = "done",
): Outcome => ({
  kind: "outcome",
  step,
  op,
  urn,
  result,
  writes,
  at: 2_000 + step,
  ...(result === "failed" ? { message: "the provider said no" } : {}),
});
