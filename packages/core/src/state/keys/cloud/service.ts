/** What a key-management service does for orch: it wraps a stack's data key once, and unwraps it once at each opening. */

export interface CloudKey {
  readonly url: string;
  /** As the service gave it. */
  readonly wrappedKey: string;
  /** The version of the key that wrapped, where the ciphertext itself does not tell. */
  readonly version?: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Rejects with `authentication-failed` (wrong credentials, a missing right), `key-missing` (not there, disabled, no credentials),
 * `secret-unreadable` (wrapped by another key), `config-invalid` (the URL), `connection-failed` and `timeout`.
 */
export interface CloudService {
  wrap(url: string, dataKey: Buffer, env: Env): Promise<Pick<CloudKey, "wrappedKey" | "version">>;
  unwrap(key: CloudKey, env: Env): Promise<Buffer>;
}
