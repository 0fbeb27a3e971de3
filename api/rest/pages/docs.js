// Draws /openapi.json. Text is only ever set as text, never as markup.
"use strict";

function element(name, options, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options || {})) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function reference(schema) {
  return schema.$ref ? schema.$ref.split("/").pop() : null;
}

function kind(schema) {
  if (!schema) return "";
  const name = reference(schema);
  if (name) return element("a", { href: "#" + name }, name);
  if (schema.anyOf) {
    const parts = schema.anyOf.map(kind).flatMap((part, index) => (index ? [" or ", part] : [part]));
    return element("span", {}, ...parts);
  }
  if (schema.type === "array") return element("span", {}, "list of ", kind(schema.items));
  if (schema.enum) return schema.enum.map(String).join(", ");
  const bounds = [];
  if (schema.minimum !== undefined) bounds.push("≥ " + schema.minimum);
  if (schema.maximum !== undefined) bounds.push("≤ " + schema.maximum);
  if (schema.maxLength !== undefined) bounds.push("at most " + schema.maxLength + " characters");
  return [schema.type || "any", bounds.join(", ")].filter(Boolean).join(", ");
}

function table(head, rows) {
  if (!rows.length) return null;
  return element("table", {},
    element("tr", {}, ...head.map((text) => element("th", {}, text))),
    ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell)))));
}

function fields(schema) {
  const required = new Set(schema.required || []);
  return table(["field", "type", "default", "description"], Object.entries(schema.properties || {}).map(
    ([name, each]) => [
      element("code", {}, name),
      kind(each),
      required.has(name) ? "required" : JSON.stringify(each.default ?? null),
      each.description || "",
    ]));
}

function operation(path, method, each) {
  const body = each.requestBody && each.requestBody.content["application/json"].schema;
  const answers = Object.entries(each.responses).map(([status, answer]) =>
    [status, answer.description, kind(Object.values(answer.content || {})[0]?.schema)]);
  return element("details", { id: each.operationId },
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()), element("code", {}, path),
      element("span", { class: "note" }, each.summary)),
    element("div", {},
      each.description ? element("p", {}, each.description) : null,
      table(["parameter", "in", "type", "description"], (each.parameters || []).map(
        (one) => [element("code", {}, one.name), one.in, kind(one.schema), one.description || one.schema.description || ""])),
      body ? element("p", {}, "Body: ", kind(body)) : null,
      table(["status", "meaning", "body"], answers)));
}

function schema(name, each) {
  return element("details", { id: name },
    element("summary", {}, element("code", {}, name), element("span", { class: "note" }, each.description || "")),
    element("div", {}, fields(each)));
}

function show(api) {
  const page = document.getElementById("page");
  page.replaceChildren(
    element("h1", {}, api.info.title),
    element("p", { class: "note" }, "version " + api.info.version + " · ", element("a", { href: "/openapi.json" }, "openapi.json")),
    ...api.info.description.trim().split("\n\n").map((text) => element("p", {}, text)));
  for (const tag of api.tags) {
    page.append(element("h2", {}, tag.name), element("p", {}, tag.description));
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, each] of Object.entries(methods)) {
        if (each.tags.includes(tag.name)) page.append(operation(path, method, each));
      }
    }
  }
  page.append(element("h2", {}, "schemas"));
  for (const [name, each] of Object.entries(api.components.schemas)) page.append(schema(name, each));
  openTarget();
}

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") {
    target.open = true;
    target.scrollIntoView();
  }
}

addEventListener("hashchange", openTarget);
fetch("/openapi.json").then((answer) => answer.json()).then(show);
