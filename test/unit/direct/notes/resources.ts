import * as pulumi from "@pulumi/pulumi";

export interface NoteArgs {
  /** Its name; another one is another note. */
  name: pulumi.Input<string>;
  /** What it says. */
  text: pulumi.Input<string>;
  /** Default yellow. */
  color?: pulumi.Input<"yellow" | "blue">;
  /** Who knows it may read the note. */
  pin?: pulumi.Input<string>;
}

export class Note extends pulumi.CustomResource {
  declare readonly text: pulumi.Output<string>;
  declare readonly color: pulumi.Output<string>;
  /** Where it is shown. */
  declare readonly url: pulumi.Output<string>;

  constructor(name: string, args: NoteArgs, options?: pulumi.CustomResourceOptions) {
    const pin = args.pin === undefined ? undefined : pulumi.secret(args.pin);
    super("notes:index:Note", name, { url: undefined, ...args, pin }, options);
  }
}
