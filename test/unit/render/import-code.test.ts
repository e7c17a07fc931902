import type { Step } from "@orch/core/model/plan";
import type { ResourceOptions } from "@orch/core/model/resource";
import { makeUrn, type Urn } from "@orch/core/model/urn";
import { type PropertyMap, Secret } from "@orch/core/model/value";
import { expect, test } from "vitest";
import { programOf } from "../../../packages/cli/src/imports/code.js";

const step = (
  type: string,
  name: string,
  id: string,
  inputs: PropertyMap,
  uses: Readonly<Record<string, readonly Urn[]>> = {},
  options: ResourceOptions = { protect: true },
): Step => {
  const urn = makeUrn("dev", "shop", undefined, type, name);
  return {
    op: "import",
    id: 0,
    urn,
    after: [],
    objectId: id,
    inputs,
    outputs: {},
    resource: {
      urn,
      type,
      name,
      custom: true,
      inputs,
      dependencies: [],
      propertyDependencies: uses,
      aliases: [],
      options,
    },
  };
};
const options = { variables: new Map(), direct: new Set(["host", "kubernetes"]) };

test("names that TypeScript takes, secrets as configuration, references by id, classes as the SDK has them", () => {
  const network = makeUrn("dev", "shop", undefined, "aws:ec2/vpc:Vpc", "default");
  const { text, secrets } = programOf(
    [
      step("aws:ec2/vpc:Vpc", "default", "vpc-123456", { cidrBlock: "10.0.0.0/16" }, {}, {}),
      step("aws:ec2/subnet:Subnet", "default", "subnet-1", { vpcId: "vpc-123456" }, { vpcId: [network] }),
      step("azure-native:storage:StorageAccount", "2nd account", "/x", {
        tags: { "a-b": "c" },
        ports: [1, 2],
      }),
      step("aws:rds/instance:Instance", "my-db", "db-1", {
        password: new Secret("hunter2"),
        list: new Secret([1]),
      }),
      step("kubernetes:rbac.authorization.k8s.io/v1:Role", "aws", "x", {}),
      step("host:index:File", "await", "/f", { path: "/f" }),
    ],
    { ...options, modules: new Map([["kubernetes", { "rbac.authorization.k8s.io/v1": "rbac/v1" }]]) },
  );
  expect(secrets).toEqual(["myDbPassword", "myDbList"]);
  expect(text).not.toContain("hunter2");
  expect(text).toMatchInlineSnapshot(`
    "import * as aws from "@pulumi/aws";
    import * as azure_native from "@pulumi/azure-native";
    import * as kubernetes from "@pulumi/kubernetes";
    import * as host from "@orch/providers/host";
    import * as pulumi from "@pulumi/pulumi";

    const config = new pulumi.Config();

    const default2 = new aws.ec2.Vpc("default", {
      cidrBlock: "10.0.0.0/16",
    });

    const default3 = new aws.ec2.Subnet("default", {
      vpcId: default2.id,
    }, { protect: true });

    const resource2ndAccount = new azure_native.storage.StorageAccount("2nd account", {
      tags: {
        "a-b": "c",
      },
      ports: [1, 2],
    }, { protect: true });

    const myDb = new aws.rds.Instance("my-db", {
      password: config.requireSecret("myDbPassword"),
      list: config.requireSecretObject("myDbList"),
    }, { protect: true });

    const aws2 = new kubernetes.rbac.v1.Role("aws", {}, { protect: true });

    const await2 = new host.File("await", {
      path: "/f",
    }, { protect: true });
    "
  `);
});
