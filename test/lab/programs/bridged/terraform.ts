import * as pulumi from "@pulumi/pulumi";
import * as resproto from "@pulumi/pulumi/proto/resource_pb";
import * as runtime from "@pulumi/pulumi/runtime";

/**
 * What a generated SDK has in its utilities: registers the package once and gives its reference, for resources and invokes. The plugin is Pulumi's bridge to any
 * Terraform provider; its parameter is the path of the provider's binary.
 */
export function terraformPackage(name: string): () => Promise<string> {
  let reference: Promise<string> | undefined;
  return () => {
    reference ??= registerPackage(name);
    return reference;
  };
}

async function registerPackage(name: string): Promise<string> {
  const config = new pulumi.Config("terraform");
  const path = `${config.require("providers")}/terraform-provider-${name}`;

  const parameter = new resproto.Parameterization();
  parameter.setName(name);
  parameter.setVersion("0.0.0");
  parameter.setValue(Buffer.from(JSON.stringify({ local: { path } })).toString("base64"));

  const request = new resproto.RegisterPackageRequest();
  request.setName("terraform-provider");
  request.setVersion(config.require("bridgeVersion"));
  request.setParameterization(parameter);

  const monitor = runtime.getMonitor();
  if (!monitor) throw new Error("This program runs only under an engine.");
  return new Promise((resolve, reject) => {
    monitor.registerPackage(request, (failure, response) =>
      failure ? reject(failure) : resolve(response.getRef()),
    );
  });
}
