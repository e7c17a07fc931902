declare module "pgpass" {
  interface Login {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
  }
  /** Calls back with the password of the first line that fits, or with undefined. */
  function pgpass(login: Login, found: (password: string | undefined) => void): void;
  namespace pgpass {
    /** Where it writes that it ignores a file that others can read. Standard error by default. */
    function warnTo(stream: NodeJS.WritableStream): void;
  }
  export = pgpass;
}
