// A payment by the types that openapi-typescript made of /openapi.json: asked for, found, changed, called off.
import createClient from "openapi-fetch";
import type { paths } from "./generated/api.js";

const [baseUrl, key] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } });

const made = await client.POST("/v1/payments", {
  params: { header: { "idempotency-key": "ts-1" } },
  body: { merchant_reference: "TS-1", amount: 1999, subject: "Tea" },
});
if (!made.data) throw new Error(made.error.detail);
const created: Date = new Date(made.data.created_at);
const found = await client.GET("/v1/payments", { params: { query: { merchant_reference: "TS-1" } } });
const changed = await client.PATCH("/v1/payments/{id}", {
  params: { path: { id: made.data.id }, header: { "idempotency-key": "ts-2" } },
  body: { metadata: { table: "7" } },
});
const canceled = await client.POST("/v1/payments/{id}/cancel", {
  params: { path: { id: made.data.id }, header: { "idempotency-key": "ts-3" } },
  body: {},
});
console.log(JSON.stringify({
  day: created.getUTCFullYear(),
  found: found.data?.data.length,
  metadata: changed.data?.metadata,
  status: canceled.data?.status,
}));
