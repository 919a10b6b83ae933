"use strict";
// Draws the OpenAPI document that the page names. All that the document and the answers
// say is set as text, never as HTML.
(() => {
  const METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace"];
  const READABLE = /json|text|xml|x-www-form-urlencoded/;
  const byID = (id) => document.getElementById(id);
  let api;

  // el returns an element with attributes and children; a child that is no node is text.
  function el(name, attributes, ...children) {
    const e = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "onclick" || key === "onsubmit") e.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== false) e.setAttribute(key, value === true ? "" : value);
    }
    e.append(...children.filter((c) => c !== undefined && c !== null));
    return e;
  }

  const refName = (schema) => (schema && schema.$ref ? schema.$ref.split("/").pop() : undefined);

  function resolve(schema) {
    for (let steps = 0; schema && schema.$ref && steps < 50; steps++) {
      schema = schema.$ref.split("/").slice(1).reduce((at, part) => at && at[part.replace(/~1/g, "/").replace(/~0/g, "~")], api);
    }
    return schema || {};
  }

  // typeOf says in words what a schema allows.
  function typeOf(schema) {
    if (schema === undefined || schema === true || schema === null) return "anything";
    const either = schema.anyOf || schema.oneOf;
    if (schema.$ref) return refName(schema);
    if (either) return either.map(typeOf).join(" or ");
    const names = [].concat(schema.type || "anything");
    let text = names.map((n) => (n === "array" ? "list of " + typeOf(schema.items) : n)).join(" or ");
    if (schema.additionalProperties && !schema.properties) text = "map of " + typeOf(schema.additionalProperties) + (names.includes("null") ? " or null" : "");
    return text;
  }

  const RULES = ["format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "contentEncoding"];

  function rulesOf(schema) {
    const all = RULES.filter((k) => schema && schema[k] !== undefined).map((k) => k + " " + schema[k]);
    if (schema && schema.enum) all.push("one of " + schema.enum.map((v) => JSON.stringify(v)).join(", "));
    if (schema && schema.default !== undefined) all.push("default " + JSON.stringify(schema.default));
    if (schema && schema.examples) all.push("for example " + schema.examples.map((v) => JSON.stringify(v)).join(", "));
    return all.join("; ");
  }

  // typeLine names a type, with links to the schemas that it refers to.
  function typeLine(schema) {
    const line = el("span");
    const refs = new Set();
    (function collect(s) {
      if (!s || typeof s !== "object") return;
      if (s.$ref) refs.add(refName(s));
      [s.items, s.additionalProperties].concat(s.anyOf || [], s.oneOf || []).forEach(collect);
    })(schema);
    for (const word of typeOf(schema).split(/(\s+)/)) {
      line.append(refs.has(word) ? el("a", { href: "#schema-" + word }, word) : word);
    }
    return line;
  }

  function schemaTree(schema) {
    const properties = schema && schema.properties;
    const description = schema && schema.description;
    const rules = rulesOf(schema);
    const parts = [el("p", {}, typeLine(schema), rules ? el("span", { class: "soft" }, " (" + rules + ")") : "")];
    if (description) parts.push(el("p", {}, description));
    if (properties) {
      const list = el("ul");
      for (const [name, member] of Object.entries(properties)) {
        const needed = (schema.required || []).includes(name);
        const says = rulesOf(member);
        const item = el("li", {}, el("code", {}, name), ": ", typeLine(member), needed ? ", required" : "", says ? el("span", { class: "soft" }, " (" + says + ")") : "");
        if (member.description) item.append(el("p", { class: "soft" }, member.description));
        if (member.properties) item.append(schemaTree(member));
        list.append(item);
      }
      parts.push(list);
    }
    return el("div", {}, ...parts);
  }

  // sampleOf makes a value that a schema allows, of the members that are required or have an
  // example.
  function sampleOf(schema, depth = 0) {
    schema = resolve(schema);
    if (schema.examples && schema.examples.length) return schema.examples[0];
    if (schema.example !== undefined) return schema.example;
    if (schema.default !== undefined) return schema.default;
    if (schema.enum) return schema.enum[0];
    const either = schema.anyOf || schema.oneOf;
    if (either) return sampleOf(either[0], depth);
    switch ([].concat(schema.type)[0]) {
      case "object": {
        const value = {};
        for (const [name, member] of Object.entries(schema.properties || {})) {
          if (depth < 6 && ((schema.required || []).includes(name) || resolve(member).examples)) value[name] = sampleOf(member, depth + 1);
        }
        return value;
      }
      case "array": return depth < 6 && schema.minItems ? [sampleOf(schema.items, depth + 1)] : [];
      case "integer": case "number": return schema.minimum > 0 ? schema.minimum : 0;
      case "boolean": return false;
      case "string": return schema.format === "date-time" ? "2026-01-02T15:04:05Z" : "";
      default: return null;
    }
  }

  // indent lays out JSON text without reading its numbers, which may have more digits than a
  // number here.
  function indent(text) {
    try { JSON.parse(text); } catch { return text; }
    let out = "", depth = 0;
    const line = () => "\n" + "  ".repeat(depth);
    for (const [token] of text.matchAll(/"(?:\\.|[^"\\])*"|[\[{]\s*[\]}]|[{}[\],:]|[^\s{}[\],:"]+/g)) {
      if (token === "{" || token === "[") { depth++; out += token + line(); }
      else if (token === "}" || token === "]") { depth--; out += line() + token; }
      else if (token === ",") out += token + line();
      else out += token === ":" ? ": " : token;
    }
    return out;
  }

  function input(id, parameter) {
    const schema = resolve(parameter.schema);
    const common = { id, name: parameter.name, autocomplete: "off", spellcheck: "false", "aria-describedby": id + "-about", required: parameter.required };
    const example = parameter.example !== undefined ? parameter.example : schema.examples && schema.examples[0];
    const values = schema.enum || (schema.type === "boolean" ? [true, false] : undefined);
    if (values) return el("select", common, el("option", { value: "" }, "(none)"), ...values.filter((v) => v !== null).map((v) => el("option", { value: String(v) }, String(v))));
    if (schema.type === "array") return el("textarea", { ...common, rows: 2 });
    return el("input", { ...common, type: "text", value: parameter.required && example !== undefined ? String(example) : undefined, placeholder: example !== undefined ? String(example) : undefined });
  }

  function field(id, parameter) {
    const schema = resolve(parameter.schema);
    const about = [parameter.in, typeOf(schema), parameter.required ? "required" : "", rulesOf(schema), schema.type === "array" ? "one value a line" : "", parameter.description || ""];
    return el("div", { class: "field" }, el("label", { for: id }, parameter.name), input(id, parameter), el("p", { id: id + "-about", class: "soft" }, about.filter(Boolean).join("; ")));
  }

  // SCHEMES are the ways to prove who calls: what a reader enters for one, and how that is
  // sent. The values are in the fields of the page and nowhere else.
  const SCHEMES = {
    bearer: { label: "Bearer token", send: (v, _, to) => to.headers.set("Authorization", "Bearer " + v) },
    basic: { label: "User:password", send: (v, _, to) => to.headers.set("Authorization", "Basic " + btoa(String.fromCharCode(...new TextEncoder().encode(v)))) },
    header: { label: "Key in the header ", send: (v, scheme, to) => to.headers.set(scheme.name, v) },
    query: { label: "Key in the query parameter ", send: (v, scheme, to) => to.query.set(scheme.name, v) },
    cookie: { label: "Cookie ", says: "The browser sends the cookie that it has from the service." },
    mutualTLS: { label: "Client certificate", says: "The browser asks which certificate it shall present." },
  };

  // kindOf says which of SCHEMES a security scheme of the document is.
  function kindOf(scheme) {
    if (scheme.type === "http") return scheme.scheme.toLowerCase();
    if (scheme.type === "apiKey") return scheme.in;
    return scheme.type === "mutualTLS" ? "mutualTLS" : "bearer"; // the others have access tokens
  }

  const schemes = () => Object.entries((api.components || {}).securitySchemes || {});

  // credentials draws a field for each scheme, or one for a service that names none.
  function credentials() {
    if (schemes().length === 0) {
      byID("credentials").append(el("div", { class: "field" },
        el("label", { for: "authorization" }, "Authorization, sent with every try"),
        el("input", { id: "authorization", type: "text", autocomplete: "off", spellcheck: "false", placeholder: "Bearer …" })));
    }
    for (const [name, scheme] of schemes()) {
      const kind = SCHEMES[kindOf(scheme)];
      const label = kind ? kind.label + (scheme.type === "apiKey" ? scheme.name : "") : scheme.scheme;
      const id = "credential-" + name;
      const about = el("p", { id: id + "-about", class: "soft" }, [kind ? kind.says : "This page cannot send it.", scheme.bearerFormat, scheme.description].filter(Boolean).join(" "));
      for (const url of [scheme.openIdConnectUrl, ...Object.values(scheme.flows || {}).flatMap((f) => [f.authorizationUrl, f.tokenUrl])].filter(Boolean)) about.append(" ", url);
      const field = el("div", { class: "field" });
      if (kind && kind.send) field.append(el("label", { for: id }, name + ": " + label), el("input", { id, type: "password", autocomplete: "off", spellcheck: "false", "aria-describedby": id + "-about" }));
      else field.append(el("p", {}, name + ": " + label));
      field.append(about);
      byID("credentials").append(field);
    }
    byID("credentials").addEventListener("submit", (e) => e.preventDefault());
  }

  const needsOf = (operation) => operation.security || api.security || [];

  // authorize adds to a request what has been entered for the first of an operation's
  // alternatives of which all is there.
  function authorize(operation, to) {
    const own = byID("authorization");
    if (own && own.value.trim()) to.headers.set("Authorization", own.value.trim());
    const known = Object.fromEntries(schemes());
    const valueOf = (name) => (byID("credential-" + name) || { value: "" }).value.trim();
    const sent = (name) => known[name] && (SCHEMES[kindOf(known[name])] || {}).send;
    const chosen = needsOf(operation).map(Object.keys).find((names) => names.some(sent) && names.every((n) => !sent(n) || valueOf(n)));
    for (const name of (chosen || []).filter(sent)) sent(name)(valueOf(name), known[name], to);
  }

  // accessOf says who may use an operation, nothing where the document has no schemes.
  function accessOf(operation) {
    if (schemes().length === 0) return undefined;
    const needs = needsOf(operation).map((all) => Object.entries(all).map(([name, scopes]) => name + (scopes.length ? " with " + scopes.join(", ") : "")).join(" and "));
    return el("p", { class: "access" }, needs.length ? "Needs " + needs.map((n) => n || "nothing").join(", or ") + "." : "Public: it needs no credentials.");
  }

  // requestOf returns what a filled form asks for.
  function requestOf(path, method, operation, form, kind) {
    const query = new URLSearchParams(), headers = new Headers();
    authorize(operation, { query, headers });
    for (const p of operation.parameters || []) {
      const value = form.elements["p:" + p.in + ":" + p.name].value;
      if (p.in === "path") path = path.replace("{" + p.name + "}", encodeURIComponent(value));
      if (value === "" || p.in === "path") continue;
      const values = resolve(p.schema).type === "array" ? value.split("\n").filter(Boolean) : [value];
      for (const v of values) {
        if (p.in === "query") query.append(p.name, v);
        if (p.in === "header") headers.append(p.name, v);
        if (p.in === "cookie") document.cookie = p.name + "=" + encodeURIComponent(v) + "; path=/";
      }
    }
    const init = { method: method.toUpperCase(), headers, redirect: "manual" };
    if (form.elements.body) {
      headers.set("Content-Type", kind);
      init.body = form.elements.body.files ? form.elements.body.files[0] : form.elements.body.value;
    }
    const base = ((api.servers || [])[0] || {}).url || "";
    return [base.replace(/\/$/, "") + path + (query.size ? "?" + query : ""), init];
  }

  // show writes the body of an answer into an element, as it arrives: it may be a stream.
  async function show(answer, into) {
    const kind = answer.headers.get("Content-Type") || "";
    if (answer.body === null || !READABLE.test(kind)) { // a HEAD has no body
      const { size } = await answer.blob();
      into.textContent = size ? size + " bytes of " + kind : "(none)";
      return;
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) into.append(part.value);
    into.textContent = into.textContent === "" ? "(none)" : indent(into.textContent);
  }

  async function attempt(event, path, method, operation, kind, result) {
    event.preventDefault();
    result.replaceChildren(el("p", {}, "Waiting for the answer …"));
    const start = performance.now();
    try {
      const [url, init] = requestOf(path, method, operation, event.target, kind);
      const answer = await fetch(url, init);
      const took = Math.round(performance.now() - start);
      const headers = [...answer.headers].map(([name, value]) => name + ": " + value).join("\n");
      const body = el("pre");
      result.replaceChildren(
        el("h4", {}, "Answer"),
        el("p", { class: answer.ok ? "good" : "bad" }, el("strong", {}, answer.status + " " + answer.statusText), " after " + took + " ms"),
        el("p", {}, el("code", {}, init.method + " " + url)),
        el("h5", {}, "Headers"), el("pre", {}, headers),
        el("h5", {}, "Body"), body);
      await show(answer, body);
    } catch (err) {
      result.replaceChildren(el("p", { class: "bad" }, "No answer: " + err.message));
    }
  }

  function operationOf(path, method, operation) {
    const id = operation.operationId || method + path.replace(/[^A-Za-z0-9]+/g, "-");
    const [kind, media] = Object.entries((operation.requestBody || {}).content || {})[0] || [];
    const result = el("div", { role: "status", "aria-live": "polite", class: "result" });
    const form = el("form", { "aria-label": "Try " + method.toUpperCase() + " " + path, onsubmit: (e) => attempt(e, path, method, operation, kind, result) });
    for (const p of operation.parameters || []) {
      const f = field(id + "-" + p.in + "-" + p.name.replace(/[^A-Za-z0-9]+/g, "-"), p);
      f.querySelector("input, select, textarea").name = "p:" + p.in + ":" + p.name;
      form.append(f);
    }
    if (kind && !READABLE.test(kind)) {
      form.append(el("div", { class: "field" }, el("label", { for: id + "-body" }, "Body, " + kind), el("input", { id: id + "-body", name: "body", type: "file", accept: kind })));
    } else if (kind) {
      const sample = media.example !== undefined ? media.example : sampleOf(media.schema);
      const text = typeof sample === "string" ? sample : JSON.stringify(sample, null, 2);
      const area = el("textarea", { id: id + "-body", name: "body", rows: Math.min(14, text.split("\n").length + 1), spellcheck: "false" });
      area.value = text;
      form.append(el("div", { class: "field" }, el("label", { for: id + "-body" }, "Body, " + kind), area));
    }
    form.append(el("button", { type: "submit" }, "Try it"));
    const answers = el("ul");
    for (const [status, answer] of Object.entries(operation.responses || {})) {
      const item = el("li", {}, el("strong", {}, status), " ", answer.description || "");
      for (const [type, content] of Object.entries(answer.content || {})) item.append(el("p", { class: "soft" }, type + ": ", typeLine(content.schema)));
      for (const [name, header] of Object.entries(answer.headers || {})) item.append(el("p", { class: "soft" }, "header " + name + ": " + typeOf(header.schema) + " " + (header.description || "")));
      answers.append(item);
    }
    const inside = el("div", {}, operation.description ? el("p", {}, operation.description) : "", accessOf(operation) || "");
    if (media && media.schema) inside.append(el("h4", {}, "Request body"), schemaTree(media.schema && media.schema.$ref ? { ...resolve(media.schema), description: undefined } : media.schema));
    inside.append(el("h4", {}, "Try it"), form, result, el("h4", {}, "Answers"), answers);
    const summary = el("summary", {}, el("h3", {}, el("span", { class: "method" }, method.toUpperCase()), " ", el("span", { class: "path" }, path)),
      operation.summary ? el("span", { class: "soft" }, " " + operation.summary) : "");
    return el("details", { id: "op-" + id, "data-words": (method + " " + path + " " + (operation.summary || "")).toLowerCase() }, summary, inside);
  }

  // openTarget opens the part that the address of the page names.
  function openTarget() {
    const at = byID(decodeURIComponent(location.hash.slice(1)));
    if (at && at.tagName === "DETAILS") {
      at.open = true;
      at.querySelector("summary").focus();
      at.scrollIntoView();
    }
  }

  function filter() {
    const words = byID("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const e of document.querySelectorAll("[data-words]")) {
      e.hidden = !words.every((w) => e.dataset.words.includes(w));
      if (!e.hidden && e.tagName === "DETAILS") shown++;
    }
    for (const group of document.querySelectorAll("#groups > section")) group.hidden = !group.querySelector("details:not([hidden])");
    byID("matches").textContent = words.length ? shown + " of " + document.querySelectorAll("#groups details").length + " operations" : "";
  }

  function draw() {
    document.title = api.info.title + " API";
    byID("title").textContent = api.info.title;
    byID("about").replaceChildren("Version " + api.info.version + ". ", api.info.description || "", " ", el("a", { href: document.body.dataset.document }, "OpenAPI " + api.openapi));
    credentials();
    const groups = new Map();
    for (const [path, item] of Object.entries(api.paths || {})) {
      for (const method of METHODS.filter((m) => item[m])) {
        const group = (item[method].tags || [])[0] || path.split("/")[1] || "/";
        if (!groups.has(group)) groups.set(group, []);
        groups.get(group).push([path, method, item[method]]);
      }
    }
    let n = 0;
    for (const [group, operations] of groups) {
      const heading = "group-" + n++;
      const section = el("section", { "aria-labelledby": heading }, el("h2", { id: heading }, group));
      for (const [path, method, operation] of operations) {
        const drawn = operationOf(path, method, operation);
        section.append(drawn);
        byID("index").append(el("li", { "data-words": drawn.dataset.words }, el("a", { href: "#" + drawn.id }, el("span", { class: "method" }, method.toUpperCase()), " " + path)));
      }
      byID("groups").append(section);
    }
    for (const [name, schema] of Object.entries((api.components || {}).schemas || {})) {
      byID("schemas").append(el("details", { id: "schema-" + name }, el("summary", {}, el("h3", {}, name)), el("div", {}, schemaTree(schema))));
    }
    byID("filter").addEventListener("input", filter);
    addEventListener("hashchange", openTarget);
    openTarget();
  }

  fetch(document.body.dataset.document).then((answer) => {
    if (!answer.ok) throw new Error(answer.status + " " + answer.statusText);
    return answer.json();
  }).then((read) => { api = read; draw(); }).catch((err) => {
    byID("about").textContent = "The description cannot be read: " + err.message;
  }).finally(() => { document.body.dataset.drawn = "true"; });
})();
