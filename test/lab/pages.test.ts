/** What the documentation shows of systems that are more than npm packages: examples of commands, run against the real ones. */
import type { Example } from "../docs/examples.js";
import { testExamples } from "../docs/run-examples.js";
import { startPostgres } from "./postgres.js";
import { describeLab } from "./requirements.js";

const needs =
  (...names: string[]) =>
  (example: Example): boolean =>
    example.needs?.every((name) => names.includes(name)) ?? false;

describeLab("examples of commands, with other programs", ["jq", "graphviz"], () => {
  testExamples(needs("jq", "graphviz"));
});

describeLab("examples of commands, with PostgreSQL", ["postgres"], () => {
  testExamples(needs("postgres"), async () => {
    const server = await startPostgres({ tls: true });
    await server.sql(`create role orch login password '${server.password}'`);
    await server.sql("create database infra owner orch");
    return {
      env: { PGPASSWORD: server.password, PGSSLROOTCERT: server.rootCertificate },
      stop: () => server.remove(),
      elsewhere: { "db.example.com": `localhost:${server.port}` },
    };
  });
});
