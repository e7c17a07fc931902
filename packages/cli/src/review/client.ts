/** The client of a platform, loaded when it is used. */
import type { ReviewClient } from "./contract.js";
import type { Env, Target } from "./target.js";

export async function reviewClient(
  target: Target,
  env: Env,
  say: (line: string) => void,
): Promise<ReviewClient> {
  switch (target.platform) {
    case "github":
      return (await import("./github.js")).githubClient(target, { say });
    case "gitlab": {
      const pipeline = Number(env.CI_PIPELINE_ID);
      const known = Number.isInteger(pipeline) && pipeline > 0 ? pipeline : undefined;
      return (await import("./gitlab.js")).gitlabClient(target, known);
    }
    case "gitea":
      return (await import("./gitea.js")).giteaClient(target);
  }
}
