/** CONTRACT. What a platform for reviews offers to `orch comment`: GitHub, GitLab, Gitea. */

export interface ReviewComment {
  readonly id: string;
  readonly body: string;
  /** For people. */
  readonly url: string;
}

export interface CommitStatus {
  /** Statuses of one commit are told apart by it. */
  readonly context: string;
  readonly state: "success" | "failure";
  readonly description: string;
  /** Where to read more. */
  readonly url?: string;
}

/**
 * One pull request (or issue). Every method rejects with `authentication-failed`, `permission-denied` (with the right that the token
 * lacks), `throttled`, `connection-failed`, `connection-lost`, `timeout`, or `provider-error`.
 */
export interface ReviewClient {
  /** For people: `GitHub, acme/shop#12`. */
  readonly place: string;
  /** Of the token's own comments those that `wanted` takes by their body, oldest first: another's is never among them, whatever it says. */
  own(wanted: (body: string) => boolean): Promise<readonly ReviewComment[]>;
  /** By its id, whoever wrote it; undefined when there is none. */
  byId(id: string): Promise<ReviewComment | undefined>;
  create(body: string): Promise<ReviewComment>;
  update(id: string, body: string): Promise<ReviewComment>;
  /** One that is gone already is no failure. */
  remove(id: string): Promise<void>;
  /** Of the commit in question. */
  setStatus(commit: string, status: CommitStatus): Promise<void>;
  close(): Promise<void>;
}

export type Platform = "github" | "gitlab" | "gitea";

/** Where to comment, and as whom. */
export interface ReviewTarget {
  readonly platform: Platform;
  /** Of its REST API: `https://api.github.com`, `https://gitlab.example.com/api/v4`, `https://git.example.com/api/v1`. */
  readonly apiUrl: string;
  /** `owner/name`; for GitLab a path or a number. */
  readonly repository: string;
  /** Of the pull request or merge request. */
  readonly number: number;
  readonly token: string;
}
