import * as pulumi from "@pulumi/pulumi";

interface ItemInputs {
  /** Base address of the API, for instance http://127.0.0.1:8080. */
  api: string;
  token: string;
  title: string;
  price: number;
}

/** Objects behind an HTTP API, through Pulumi's dynamic providers: plain functions, no plugin to build. */
const provider: pulumi.dynamic.ResourceProvider<ItemInputs, ItemInputs> = {
  async check(_olds, news) {
    const failures =
      news.price < 0 ? [{ property: "price", reason: `a price is 0 or more, not ${news.price}` }] : [];
    return { inputs: news, failures };
  },

  async diff(_id, olds, news) {
    const replaces = olds.api === news.api ? [] : ["api"];
    const changes = replaces.length > 0 || olds.title !== news.title || olds.price !== news.price;
    return { changes, replaces };
  },

  async create(inputs) {
    const { id } = await call(inputs, "POST", "/api/items");
    if (id === undefined) throw new Error(`${inputs.api} gave no id to the new item`);
    return { id, outs: inputs };
  },

  async update(id, _olds, news) {
    await call(news, "PUT", `/api/items/${id}`);
    return { outs: news };
  },

  async read(id, props) {
    if (props === undefined) throw new Error("an item is read by what is known of it: its API and its token");
    const { id: found, ...stored } = await call(props, "GET", `/api/items/${id}`);
    // An answer without an id is how a dynamic provider says that the object is gone.
    return found === undefined ? {} : { id, props: { ...props, ...stored } };
  },

  async delete(id, props) {
    await call(props, "DELETE", `/api/items/${id}`);
  },
};

interface Stored {
  id: string;
  title: string;
  price: number;
}

/** One request. An object that is not there is no error for a read or a delete; its answer has no id. */
async function call(inputs: ItemInputs, method: string, path: string): Promise<Partial<Stored>> {
  const { api, token, title, price } = inputs;
  const response = await fetch(api + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: method === "POST" || method === "PUT" ? JSON.stringify({ title, price }) : undefined,
  });
  if (response.status === 404 && method !== "PUT") return {};
  if (!response.ok) {
    throw new Error(`${method} ${api}${path} answered ${response.status}: ${await response.text()}`);
  }
  return (await response.json()) as Stored;
}

/** Something that the shop sells. Its id is given by the API. */
export class Item extends pulumi.dynamic.Resource {
  declare readonly title: pulumi.Output<string>;
  declare readonly price: pulumi.Output<number>;

  constructor(
    name: string,
    args: { [key in keyof ItemInputs]: pulumi.Input<ItemInputs[key]> },
    options?: pulumi.CustomResourceOptions,
  ) {
    super(provider, name, args, options);
  }
}
