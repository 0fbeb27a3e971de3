// Draws /openapi.json. Text is only ever set as text, never as markup.
"use strict";

const WORDS = {
  en: {
    title: "pycore: HTTP API", version: "version", other: "中文", start: "First page", open: "Needs no key.",
    parameters: "Parameters", body: "Request body", answers: "Answers", required: "required", default: "default",
    list: "list of", or: "or", any: "any", schemas: "Types", note: "", about: null,
    tags: {},
    missing: "openapi.json cannot be read now; load the page again.",
  },
  zh: {
    title: "pycore：HTTP 接口", version: "版本", other: "English", start: "首页", open: "不需要密钥。",
    parameters: "参数", body: "请求体", answers: "应答", required: "必填", default: "默认值",
    list: "列表：", or: "或", any: "任意", schemas: "类型", note: "字段说明与协议用语为英文。",
    about: "通过 HTTP 使用支付、退款与储值，以复式账本记账；gRPC 提供同样的功能以及数据流。\n\n调用需要 API 密钥：`authorization: Bearer …`。会改变内容的调用须带 `idempotency-key`，或由调用方选定编号：无论出了什么问题，用同样的内容再次请求都是安全的，不会重复执行。金额以最小单位计：`1999` 即 19.99 元。",
    tags: {
      payments: "支付", refunds: "退款", wallet: "储值", ledger: "账本", merchants: "商户、门店与密钥",
      customers: "客户", events: "事件", webhooks: "webhook", operation: "运行",
    },
    missing: "暂时无法读取 openapi.json，请重新加载。",
  },
};

const asked = new URLSearchParams(location.search).get("lang");
const language = asked in WORDS ? asked : (navigator.language || "en").startsWith("zh") ? "zh" : "en";
const words = WORDS[language];
const chosen = language === "zh" ? "en" : "zh";

function element(name, options, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options || {})) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// What stands between back-ticks is code.
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function paragraphs(text) {
  return (text || "").trim().split(/\n\n+/).filter(Boolean).map((part) => element("p", {}, ...prose(part)));
}

function reference(schema) {
  return schema.$ref ? schema.$ref.split("/").pop() : null;
}

function kind(schema) {
  if (!schema) return "";
  const name = reference(schema);
  if (name) return element("a", { href: "#" + name }, name);
  if (schema.anyOf) {
    const parts = schema.anyOf.map(kind).flatMap((part, index) => (index ? [` ${words.or} `, part] : [part]));
    return element("span", {}, ...parts);
  }
  if (schema.type === "array") return element("span", {}, words.list + " ", kind(schema.items));
  if (schema.enum) return schema.enum.map(String).join(", ");
  const bounds = [];
  if (schema.minimum !== undefined) bounds.push("≥ " + schema.minimum);
  if (schema.maximum !== undefined) bounds.push("≤ " + schema.maximum);
  if (schema.minLength !== undefined) bounds.push("length ≥ " + schema.minLength);
  if (schema.maxLength !== undefined) bounds.push("length ≤ " + schema.maxLength);
  return [schema.type || words.any, schema.format, ...bounds].filter(Boolean).join(", ");
}

// A row for each: its name, what it is, and what it means.
function rows(list) {
  if (!list.length) return null;
  return element("dl", {}, ...list.flatMap(([name, ...cells]) => [
    element("dt", {}, element("code", {}, name)),
    element("dd", {}, ...cells.filter((cell) => cell && cell !== "")),
  ]));
}

function row(name, schema, isRequired, description) {
  const facts = [kind(schema)];
  if (isRequired) facts.push(" · " + words.required);
  else if (schema.default !== undefined && schema.default !== null) {
    facts.push(` · ${words.default} `, element("code", {}, JSON.stringify(schema.default)));
  }
  return [name, element("div", { class: "note" }, ...facts), element("div", {}, ...prose(description || schema.description || ""))];
}

function fields(schema) {
  const required = new Set(schema.required || []);
  return rows(Object.entries(schema.properties || {}).map(([name, each]) => row(name, each, required.has(name))));
}

function section(title, content) {
  return content ? element("section", {}, element("h4", {}, title), content) : null;
}

function requestBody(api, each) {
  const schema = each.requestBody && each.requestBody.content["application/json"].schema;
  if (!schema) return null;
  const name = reference(schema);
  const whole = name ? api.components.schemas[name] : schema;
  const example = name && whole.properties ? exampleOf(api, whole) : null;
  return element("div", {},
    element("div", { class: "note" }, kind(schema)),
    ...paragraphs(whole.description),
    fields(whole),
    example && Object.keys(example).length ? element("pre", {}, JSON.stringify(example, null, 2)) : null);
}

// The fields that must be there, each with the example the document has for it.
function exampleOf(api, schema) {
  const made = {};
  for (const name of schema.required || []) {
    const found = exampleValue(api, schema.properties[name]);
    if (found !== undefined) made[name] = found;
  }
  return made;
}

function exampleValue(api, schema) {
  const name = reference(schema);
  const whole = name ? api.components.schemas[name] : schema;
  if (whole.examples) return whole.examples[0];
  if (whole.enum) return whole.enum[0];
  if (whole.type === "array") {
    const item = exampleValue(api, whole.items);
    return item === undefined ? undefined : [item];
  }
  if (whole.type === "object" && whole.properties) return exampleOf(api, whole);
  return { string: "…", integer: 1, boolean: false }[whole.type];
}

function operation(api, summaries, path, method, each) {
  const answers = Object.entries(each.responses).map(([status, answer]) =>
    [status, element("div", { class: "note" }, kind(Object.values(answer.content || {})[0]?.schema)), ...paragraphs(answer.description)]);
  const parameters = (each.parameters || []).map((one) => {
    const [name, facts, text] = row(one.name, one.schema, one.required, one.description);
    facts.append(" · " + one.in);
    return [name, facts, text];
  });
  return element("details", { id: each.operationId },
    element("summary", {},
      element("span", { class: "method " + method }, method.toUpperCase()),
      element("code", {}, path),
      element("span", { class: "note" }, (language === "zh" && summaries[each.operationId]) || each.summary)),
    element("div", {},
      ...paragraphs(each.description),
      each.security.length ? null : element("p", { class: "note" }, words.open),
      section(words.parameters, rows(parameters)),
      section(words.body, requestBody(api, each)),
      section(words.answers, rows(answers))));
}

function type(name, each) {
  return element("details", { id: name },
    element("summary", {}, element("code", {}, name)),
    element("div", {}, ...paragraphs(each.description), fields(each) || element("p", { class: "note" }, kind(each))));
}

function show(api, summaries) {
  const page = document.getElementById("page");
  document.documentElement.lang = language;
  document.title = words.title;
  page.replaceChildren(
    element("nav", {}, element("a", { href: "/?lang=" + language }, words.start), element("a", { href: "?lang=" + chosen }, words.other)),
    element("h1", {}, words.title),
    element("p", { class: "note" }, `${words.version} ${api.info.version} · `, element("a", { href: "/openapi.json" }, "openapi.json")),
    ...paragraphs(words.about || api.info.description),
    words.note ? element("p", { class: "note" }, words.note) : "");
  for (const tag of api.tags) {
    page.append(element("h2", {}, words.tags[tag.name] || tag.name));
    if (language === "en") page.append(...paragraphs(tag.description));
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, each] of Object.entries(methods)) {
        if (each.tags.includes(tag.name)) page.append(operation(api, summaries, path, method, each));
      }
    }
  }
  page.append(element("h2", {}, words.schemas));
  for (const [name, each] of Object.entries(api.components.schemas)) page.append(type(name, each));
  openTarget();
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") {
    target.open = true;
    target.scrollIntoView();
  }
}

async function read(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(path);
  return answer.json();
}

addEventListener("hashchange", openTarget);
Promise.all([read("/openapi.json"), read("/docs/zh.json")])
  .then(([api, summaries]) => show(api, summaries))
  .catch(() => document.getElementById("page").replaceChildren(element("p", {}, words.missing)));
