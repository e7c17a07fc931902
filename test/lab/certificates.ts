/** Certificates for the lab's servers, made by `openssl`. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface LabCertificate {
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
}

export interface LabAuthority {
  /** PEM file of the authority's certificate. */
  readonly root: string;
  /** A certificate with these names, such as `DNS:localhost`. `expired`: it ended yesterday. */
  sign(
    name: string,
    options: { readonly names?: readonly string[]; readonly subject?: string; readonly expired?: boolean },
  ): Promise<LabCertificate>;
}

/** An authority of its own in this folder. */
export async function makeAuthority(directory: string): Promise<LabAuthority> {
  const file = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => run("openssl", args, { cwd: directory });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    ...["req", "-x509", ...key, "-days", "30", "-subj", "/CN=orch lab authority"],
    ...["-keyout", "root.key", "-out", "root.crt"],
  );
  return {
    root: file("root.crt"),
    async sign(name, { names = ["DNS:localhost", "IP:127.0.0.1"], subject = "/CN=localhost", expired }) {
      const [out, request, extensions] = [`${name}.crt`, `${name}.csr`, `${name}.ext`];
      await openssl("req", ...key, "-subj", subject, "-keyout", `${name}.key`, "-out", request);
      writeFileSync(file(extensions), `subjectAltName = ${names.join(", ")}\n`);
      await openssl(
        ...["x509", "-req", "-in", request, "-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial"],
        ...["-days", expired ? "-1" : "30", "-extfile", extensions, "-out", out],
      );
      return { certificate: file(out), key: file(`${name}.key`) };
    },
  };
}
