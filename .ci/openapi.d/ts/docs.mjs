// Reads and tries the page /docs of the shop in Chromium, as its users do: light and dark, on
// a desk and on a phone, by mouse and by keyboard alone; axe looks at each state.
// docs.mjs CHROMIUM URL
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";

const [executablePath, url] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function open(options) {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(120_000); // axe and a slow machine
  const complaints = [], foreign = [];
  page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
  page.on("pageerror", (err) => complaints.push(err.message));
  page.on("request", (r) => r.url().startsWith(url) || r.url().startsWith("data:") || foreign.push(r.url()));
  await page.goto(url + "/docs");
  await page.waitForSelector("body[data-drawn]");
  return { page, complaints, foreign };
}

async function accessible(page, state) {
  const { violations, passes } = await new AxeBuilder({ page }).analyze();
  const found = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 3).join(", ")}`);
  assert.deepEqual(found, [], `axe on ${state}`);
  assert.ok(passes.length > 15, `axe has looked at ${passes.length} rules only on ${state}`);
}

const document = await (await fetch(url + "/openapi.json")).json();
const operations = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;

for (const [state, options] of Object.entries({
  "a light desk": { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  "a dark desk": { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  "a light phone": { colorScheme: "light", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
  "a dark phone": { colorScheme: "dark", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
})) {
  const { page, complaints, foreign } = await open(options);
  assert.equal(await page.locator("#groups details").count(), operations, `operations on ${state}`);
  await accessible(page, state);
  await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
  await accessible(page, state + " with all open");
  const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= width, `the page is ${wide} pixels wide on ${state}`);
  for (const method of Object.values(document.paths).flatMap((item) => Object.values(item))) {
    assert.equal(await page.locator(`#op-${method.operationId} form button`).count(), 1, `${method.operationId} can be tried`);
  }

  await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = d.id === "op-postUsers"; }));
  const form = page.locator("#op-postUsers");
  const body = form.getByLabel("Body, application/json");
  const sample = JSON.parse(await body.inputValue());
  assert.equal(sample.name, "Ann", "the body has the examples of the document");
  await body.fill(JSON.stringify({ ...sample, name: "<b>Ann</b>", email: `ann-${Date.now()}@example.com` }));
  await form.getByRole("button", { name: "Try it" }).click();
  await form.locator(".result").getByText("201 Created").waitFor();
  assert.match(await form.locator(".result").textContent(), /"name": ".*Ann.*"/, "the answer is shown");
  assert.equal(await form.locator(".result b").count(), 0, "an answer is no HTML");
  await accessible(page, state + " with an answer");
  assert.deepEqual(foreign, [], "requests to elsewhere");
  assert.deepEqual(complaints, [], "complaints of the browser");
  await page.context().close();
}

// By keyboard alone: filter, follow the only link, fill in the form, and hear the refusal.
const { page } = await open({ viewport: { width: 1280, height: 900 } });
const focused = () => page.evaluate(() => document.activeElement.outerHTML.slice(0, 120));
await page.keyboard.press("Tab");
assert.match(await focused(), /Skip to the operations/, "the first stop is the link over the list");
await page.keyboard.press("Tab"); // the link to the document
await page.keyboard.press("Tab");
assert.match(await focused(), /id="filter"/, "then the filter");
await page.keyboard.type("get /payments/{id}");
await page.getByText(`1 of ${operations} operations`).waitFor();
await page.keyboard.press("Tab");
await page.keyboard.press("Enter");
await page.waitForSelector("#op-getPaymentsById[open]");
assert.match(await focused(), /summary/, "the link leads to the operation");
await page.keyboard.press("Tab");
await page.keyboard.type("none");
await page.keyboard.press("Enter");
await page.locator("#op-getPaymentsById [role=status]").getByText("404 Not Found").waitFor();
await browser.close();
console.log(`docs: ${operations} operations can be read and tried`);
