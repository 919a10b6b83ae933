// Places an order by the client that is generated from the shop's OpenAPI document.
import createClient from "openapi-fetch";
import type { components, paths } from "./shop.js";

declare const process: { argv: string[]; exit(code: number): never };

const shop = createClient<paths>({ baseUrl: process.argv[2] });

function answered<T>(what: string, got: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (got.data === undefined) {
    console.error(`${what}: ${got.error?.code} ${got.error?.detail}`);
    process.exit(1);
  }
  return got.data;
}

const user = answered("the user", await shop.POST("/users", {
  body: { name: "Tess", email: `tess-${Date.now()}@example.com`, password: "correct horse" },
}));
const product = answered("the product", await shop.POST("/products", {
  body: { name: "Cup", sku: "C-1", price: 4.5, stock: 3 },
}));
const order = answered("the order", await shop.POST("/orders", {
  params: { header: { "Idempotency-Key": `ts-${Date.now()}` } },
  body: { user_id: user.id, items: [{ product_id: product.id, quantity: 2 }] },
}));
answered("the payment", await shop.POST("/payments", { body: { order_id: order.id, method: "paypal" } }));

const refused = await shop.POST("/orders", { body: { user_id: user.id, items: [{ product_id: product.id, quantity: 9 }] } });
if (refused.error?.reason !== "insufficient_stock") {
  console.error("an order of more than there is:", refused.error);
  process.exit(1);
}
console.log(`typescript: order ${order.id} of ${order.total_amount} ${order.currency} is placed and paid`);
