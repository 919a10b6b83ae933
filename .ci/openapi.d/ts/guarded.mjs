// Calls a service from pages of other origins, as middleware.CORS lets them, and uses its page
// /docs with credentials. It writes the OpenAPI document of the service to guarded.json.
// guarded.mjs CHROMIUM PROGRAM
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";

const [executablePath, program] = process.argv.slice(2);
const service = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: service.stdout })[Symbol.asyncIterator]();
const [url, allowed, other] = [(await lines.next()).value, (await lines.next()).value, (await lines.next()).value];
await writeFile("guarded.json", await (await fetch(url + "/openapi.json")).text());
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function open(at) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(at);
  return page;
}

// ask calls the service by fetch of a page: the status, the headers and the body that the page
// can read, or why it can read nothing.
const ask = (page, path, init = {}) => page.evaluate(async ([to, options]) => {
  try {
    const answer = await fetch(to, options);
    return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
  } catch (err) {
    return { refused: err.name };
  }
}, [url + path, init]);

const page = await open(allowed), stranger = await open(other);

assert.equal((await ask(page, "/greeting")).status, 204, "a simple request is answered");
assert.deepEqual(await ask(stranger, "/greeting"), { refused: "TypeError" }, "a page of another origin reads nothing");

const put = { method: "PUT", headers: { "Content-Type": "application/json", "X-Request-ID": "r-1", Authorization: "Bearer good" }, body: '{"text":"milk"}' };
const written = await ask(page, "/notes/7", put);
assert.equal(written.status, 201, "a PUT with headers passes its preflight");
assert.deepEqual(JSON.parse(written.text), { text: "milk r-1" }, "its headers and its body arrive");
for (const name of ["etag", "location", "x-request-id"]) assert.ok(written.headers[name], `the page reads the header ${name}: ${JSON.stringify(written.headers)}`);
assert.deepEqual(await ask(stranger, "/notes/7", put), { refused: "TypeError" }, "the preflight of another origin is refused");
assert.deepEqual(await ask(page, "/notes/7", { ...put, headers: { ...put.headers, "X-Strange": "1" } }), { refused: "TypeError" }, "a header that the policy has not is refused");

const denied = await ask(page, "/notes/7", { ...put, headers: { "Content-Type": "application/json" } });
assert.equal(denied.status, 401, "a refusal can be read");
assert.equal(denied.headers["www-authenticate"], "Bearer", "and what it asks for");
assert.equal(JSON.parse(denied.text).code, "unauthenticated", "and its problem document");
assert.equal((await ask(page, "/limited")).status, 204, "the first call is within the rate");
const limited = await ask(page, "/limited");
assert.equal(limited.status, 429, "the refusal of a limit can be read");
assert.ok(Number(limited.headers["retry-after"]) > 0, "and when to come back");
assert.equal(JSON.parse(limited.text).reason, "rate_limited", "and its reason");
assert.equal((await ask(page, "/nothing")).status, 404, "and what the service has no route for");

assert.equal((await ask(page, "/session", { credentials: "include" })).status, 401, "no cookie yet");
assert.equal((await ask(page, "/login", { method: "POST", credentials: "include" })).status, 204, "the cookie is set");
assert.equal((await ask(page, "/session")).status, 401, "a request without credentials has no cookie");
assert.equal((await ask(page, "/session", { credentials: "include" })).status, 204, "one with credentials has it");

const listen = (where, withCredentials) => where.evaluate(([to, options]) => new Promise((done) => {
  const got = [], source = new EventSource(to, options);
  source.addEventListener("tick", (e) => got.push(e.lastEventId + "=" + e.data));
  source.addEventListener("end", () => { source.close(); done([...got, "end"]); });
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) done("refused"); });
}), [url + "/ticks", { withCredentials }]);
assert.deepEqual(await listen(page, true), ["1=1", "2=2", "end"], "an EventSource reads the stream with its cookie");
assert.equal(await listen(page, false), "refused", "one without credentials is refused");
assert.equal(await listen(stranger, true), "refused", "and so is that of another origin");

// The page /docs: what each operation needs, and credentials that the page alone has.
const docs = await open(url + "/docs");
const complaints = [];
docs.on("pageerror", (err) => complaints.push(err.message));
await docs.waitForSelector("body[data-drawn]");
const operation = (id) => docs.locator("#op-" + id);
const expand = (id) => docs.evaluate((at) => document.querySelectorAll("#groups details").forEach((d) => { d.open = d.id === "op-" + at; }), id);
for (const [id, text] of Object.entries({
  getGreeting: "Public: it needs no credentials.", putNotesById: "Needs token, or key.", getSession: "Needs session.",
  getShared: "Needs sso with read, or partner with read.",
})) assert.equal(await operation(id).locator(".access").textContent(), text, id);
async function tried(id) {
  await expand(id);
  await operation(id).getByRole("button", { name: "Try it" }).click();
  const status = operation(id).locator(".result strong");
  await status.waitFor();
  return (await status.textContent()).slice(0, 3);
}
await expand("putNotesById");
await operation("putNotesById").locator('[name="p:path:id"]').fill("7");
assert.equal(await tried("putNotesById"), "401", "without a credential");
await docs.getByLabel("key: Key in the header X-Api-Key").fill("good");
assert.equal(await tried("putNotesById"), "201", "with a key");
await docs.getByLabel("token: Bearer token").fill("wrong");
assert.equal(await tried("putNotesById"), "401", "the first scheme that has a value is used");
await docs.getByLabel("token: Bearer token").fill("good");
assert.equal(await tried("putNotesById"), "201", "with a token");
await docs.getByLabel("part: Key in the query parameter key").fill("good");
assert.equal(await tried("getPart"), "204", "with a key in the query");
await docs.getByLabel("login: User:password").fill("ann:good");
assert.equal(await tried("getOld"), "204", "with a password");
const sent = docs.waitForRequest((r) => r.url().endsWith("/greeting"));
await tried("getGreeting");
assert.equal((await sent).headers().authorization, undefined, "a public operation gets no credentials");
assert.equal(await tried("getSession"), "401", "the browser has no cookie");
await tried("postLogin");
assert.equal(await tried("getSession"), "204", "the browser sends its cookie");
const { violations } = await new AxeBuilder({ page: docs }).analyze();
assert.deepEqual(violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ")).slice(0, 3).join(", ")), [], "axe on the credentials");
assert.deepEqual(await docs.evaluate(() => [localStorage.length, sessionStorage.length]), [0, 0], "the page stores nothing");
await docs.reload();
await docs.waitForSelector("body[data-drawn]");
assert.equal(await docs.getByLabel("token: Bearer token").inputValue(), "", "a reload forgets the credentials");
assert.deepEqual(complaints, [], "errors of the page");
await browser.close();
service.stdin.end();
console.log("cors: one origin may call and another may not; docs: eight security schemes");
