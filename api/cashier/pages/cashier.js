// The cashier: draws what the server says of a payment or a store, and sends what the payer chooses. Text is only ever
// set as text. Money is never calculated here: amounts are text.
"use strict";

const TEXTS = {
  en: {
    title: "Cashier", other: "中文", wechat: "WeChat Pay", alipay: "Alipay", unionpay: "UnionPay", balance: "Balance",
    pay: "Pay with {}", payTo: "Pay to", choose: "Choose how to pay", test: "Test: no real money moves",
    left: "Pay within {}", scan: "Scan with {} to pay", here: "or scan with your phone",
    hereHint: "Your phone's payment app opens this page.", others: "Other ways to pay",
    waiting: "Waiting for your payment in {}", again: "Open {} again", code: "QR code to pay with {}",
    page: "QR code of this page", processing: "Confirming your payment…",
    processingHint: "This takes a moment. Please do not pay again.",
    bound: "{} cannot take this order back. If you do not pay there, you can choose another way in {}.",
    boundSoon: "Asking {} whether it was paid. In a moment you can choose another way.",
    refused: "The last try did not work, and nothing was charged. Try again, or choose another way.",
    tooMuch: "{} takes at most {} at once.", tooLittle: "{} takes at least {}.",
    succeeded: "Paid", authorized: "Your payment is held",
    refundedFully: "Refunded", refundedPartly: "Partly refunded",
    refundHint: "It goes back the way it was paid; when it arrives is up to the payment app or bank.",
    failed: "The payment did not go through",
    failedHint: "Nothing was charged; what arrives late comes back to you. Go back to the shop and order again.",
    notCharged: "Nothing was charged; what arrives late comes back to you.", canceled: "The payment was called off",
    canceledHint: "Nothing was charged, and there is nothing more to do.",
    expired: "The time to pay has run out",
    expiredHint: "Nothing was charged; what arrives late comes back to you. Go back to the shop and order again.",
    none: "This cannot be paid here now", noneHint: "Please ask the shop, or open this page in your browser.",
    unknown: "This link does not work", unknownHint: "Check that it is complete, or ask the shop for a new one.",
    revoked: "This code is not in use any more", revokedHint: "Nothing was charged. Please ask the shop for its present code.",
    away: "The cashier cannot be reached. It tries again by itself.", done: "Done", back: "Back to the shop",
    repeat: "Pay again", close: "You can close this page now.",
    player: "Test mode: play the payer", amount: "Amount", enter: "Enter the amount to pay",
    wrong: "Enter an amount such as 12.50.", most: "At most {} at once.", least: "At least {}.",
    later: "That was not possible just now. Please try again in a moment.",
    soon: "Too many tries. Please wait a moment.", footer: "Never pay for someone you do not know.",
    payee: "Payee", subject: "For", way: "Paid with", time: "Time", reference: "Order", transaction: "Transaction",
    refund: "Refunded",
  },
  zh: {
    title: "收银台", other: "English", wechat: "微信支付", alipay: "支付宝", unionpay: "云闪付", balance: "余额",
    pay: "使用{}付款", payTo: "付款给", choose: "请选择付款方式", test: "测试模式：不产生真实资金",
    left: "请在 {} 内付款", scan: "请使用{}扫码付款", here: "或用手机扫码",
    hereHint: "用手机付款应用扫码即可打开本页。", others: "其他付款方式",
    waiting: "请在{}中完成付款", again: "重新打开{}", code: "{}付款二维码",
    page: "本页二维码", processing: "正在确认付款结果…",
    processingHint: "请稍候，请勿重复付款。",
    bound: "{}的订单不能撤回。如不在那里付款，{} 后可改用其他方式。",
    boundSoon: "正在向{}核实是否已付款，稍后即可改用其他方式。",
    refused: "上次付款未成功，没有扣款。请重试或换一种方式。",
    tooMuch: "{}单笔最多 {}。", tooLittle: "{}单笔最少 {}。",
    succeeded: "付款成功", authorized: "款项已预授权",
    refundedFully: "已全额退款", refundedPartly: "已部分退款",
    refundHint: "款项按原路退回，到账时间以付款应用或银行为准。",
    failed: "付款未成功", failedHint: "您没有被扣款，迟到的款项将原路退回。请返回商户重新下单。",
    notCharged: "您没有被扣款，迟到的款项将原路退回。", canceled: "付款已取消",
    canceledHint: "您没有被扣款，无需其他操作。",
    expired: "付款时间已过", expiredHint: "您没有被扣款，迟到的款项将原路退回。请返回商户重新下单。",
    none: "目前无法在此付款", noneHint: "请咨询商户，或在浏览器中打开本页。",
    unknown: "链接无效", unknownHint: "请确认链接完整，或向商户索取新的链接。",
    revoked: "此收款码已停用", revokedHint: "您没有被扣款。请向商户索取现用的收款码。",
    away: "暂时无法连接收银台，正在自动重试。", done: "完成", back: "返回商户", repeat: "再付一笔",
    close: "现在可以关闭此页面。",
    player: "测试模式：扮演付款人", amount: "金额", enter: "请输入付款金额",
    wrong: "请输入金额，例如 12.50。", most: "单笔最多 {}。", least: "单笔最少 {}。",
    later: "暂时无法完成，请稍后再试。", soon: "操作过于频繁，请稍候再试。",
    footer: "请勿为陌生人付款。",
    payee: "收款方", subject: "商品", way: "付款方式", time: "付款时间", reference: "商户单号",
    transaction: "交易单号", refund: "已退款",
  },
};
const MARKS = { wechat: "微", alipay: "支", unionpay: "银" };
const SYMBOLS = { CNY: "¥" };
const POLL_MS = 3000;
const HERE = location.pathname;
const IS_STORE = HERE.startsWith("/pay/s/");
const DECIDED = ["succeeded", "authorized", "failed", "canceled", "expired"];

let language = chosenLanguage();
let view = null;      // what the server said last
let missing = "";     // the key of why there is nothing here
let problem = "";     // the key of a text
let typed = "";       // the amount, while the payer types it
let busy = false;
let endsAt = 0;       // when the payment expires, on this page's own clock
let boundUntil = 0;   // when another way can be chosen
let stream = null;
let poll = null;
let drawn = "";

function text(key, ...names) {
  return names.reduce((told, name) => told.replace("{}", () => name), TEXTS[language][key]);
}

// -- the language: what the address says, what was chosen before, what the browser likes

function chosenLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked in TEXTS) return asked;
  const kept = keptLanguage();
  return kept in TEXTS ? kept : document.documentElement.lang === "zh" ? "zh" : "en";
}

function keptLanguage() {
  try {
    return localStorage.getItem("language") || "";
  } catch {
    return "";  // a browser that keeps nothing
  }
}

function keepLanguage() {
  // Channels lead back to the bare address: the choice is kept beside it.
  history.replaceState(null, "", location.pathname + "?lang=" + language);
  try {
    localStorage.setItem("language", language);
  } catch {
    // The address alone remembers.
  }
}

// -- amounts are text: read, compared and written without ever being numbers

function grouped(amount) {
  return amount.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
}

function money(amount) {
  return symbol() + grouped(amount);
}

function plainAmount(given) {
  // As people type: full-width digits, a currency sign, separators of thousands, ".5" and "5.".
  let amount = given.normalize("NFKC").replaceAll("。", ".").replace(/^\s*[¥￥]?\s*|\s+$/g, "");
  if (/^\d{1,3}(,\d{3})+(\.\d*)?$/.test(amount)) amount = amount.replaceAll(",", "");
  amount = amount.replace(/^0+(?=\d)/, "").replace(/^\./, "0.").replace(/\.$/, "");
  const isAmount = new RegExp("^\\d{1,15}(\\.\\d{1," + Math.max(1, view.decimals) + "})?$").test(amount);
  return isAmount && /[1-9]/.test(amount) ? amount : null;
}

function isMore(one, other) {
  const [[whole, part = ""], [otherWhole, otherPart = ""]] = [one.split("."), other.split(".")];
  if (whole.length !== otherWhole.length) return whole.length > otherWhole.length;
  if (whole !== otherWhole) return whole > otherWhole;
  return part.padEnd(6, "0") > otherPart.padEnd(6, "0");
}

function element(name, options, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options || {})) {
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function named(channel) {
  return TEXTS[language][channel] || channel;
}

function symbol() {
  return SYMBOLS[view.currency] || view.currency;
}

function isPaid() {
  return view.status === "succeeded" || view.status === "authorized";
}

function isDecided() {
  return view !== null && DECIDED.includes(view.status);
}

// -- what is asked of the server

async function ask(path, content) {
  const options = content === undefined ? {} : {
    method: "POST", body: JSON.stringify(content), headers: { "content-type": "application/json" },
  };
  const answer = await fetch(path, { cache: "no-store", ...options });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.reason), { reason: told.reason, status: answer.status });
  return told;
}

function take(told) {
  if (!IS_STORE && view !== null && told.version < view.version) return;  // overtaken on the way
  view = told;
  if (problem === "away") problem = "";
  if (!IS_STORE) endsAt = performance.now() + told.seconds_left * 1000;
  if (!IS_STORE) boundUntil = performance.now() + (told.bound_seconds || 0) * 1000;
  draw();
}

function meaning(error) {
  if (error.status === 429) return "soon";
  if (error.status === 409) return "later";
  if (IS_STORE && error.reason === "invalid_request") return "wrong";
  if (error.status !== undefined && error.status < 500) return "none";
  return IS_STORE ? "later" : "away";
}

async function refresh() {
  try {
    take(await ask(HERE + "/state"));
  } catch (error) {
    if (error.reason === "code_not_in_use") missing = "revoked";
    else if (error.status === 404 && view === null) missing = "unknown";
    else problem = meaning(error);
    draw();
  }
}

function follow() {
  stop();
  if (missing || IS_STORE || isDecided()) return;
  stream = new EventSource(HERE + "/events");
  stream.addEventListener("state", (event) => {
    take(JSON.parse(event.data));
    if (isDecided()) stop();
  });
  // Where the server refuses to push, or a proxy on the way does: ask every now and then.
  stream.addEventListener("error", () => {
    const isOver = stream !== null && stream.readyState === EventSource.CLOSED;
    if (isOver && poll === null) poll = setInterval(lookAgain, POLL_MS);
  });
}

async function lookAgain() {
  await refresh();
  if (missing || isDecided()) stop();
}

function stop() {
  if (stream !== null) stream.close();
  if (poll !== null) clearInterval(poll);
  stream = poll = null;
}

async function act(work) {
  if (busy) return;
  busy = true;
  problem = "";
  draw();
  try {
    await work();
  } catch (error) {
    const met = meaning(error);
    if (met !== "wrong") await refresh();
    if (!missing) problem = met;
  }
  busy = false;
  draw();
}

function lead(path) {
  location.assign(path + "/go?lang=" + language);
}

function choose(offer) {
  act(async () => {
    take(await ask(HERE + "/choose", offer));
    if (view.action === "go") lead(HERE);
  });
}

function order(offer) {
  if (!judge(true, offer)) return;
  act(async () => {
    const asked = { order: view.order, amount: plainAmount(typed), channel: offer.channel };
    const { path } = await ask(HERE + "/order", asked);
    // From here on it is a payment like any other: whatever becomes of the choice, its own page tells.
    const way = { channel: offer.channel, method: offer.method };
    const told = await ask(path + "/choose", way).catch(() => null);
    // Who comes back from the channel finds the payment, not the form.
    history.replaceState(null, "", path + "?lang=" + language);
    if (told !== null && told.action === "go") lead(path);
    else location.reload();
  });
}

// -- what is drawn

function ways(chosen, offers, kind) {
  return element("div", { class: "ways " + kind }, ...offers.map((offer) =>
    element("button", { type: "button", class: "way " + offer.channel, disabled: busy, onclick: () => chosen(offer) },
      element("span", { class: "mark " + offer.channel, "aria-hidden": "true" }, MARKS[offer.channel] || "·"),
      kind === "one" ? text("pay", named(offer.channel)) : named(offer.channel))));
}

function badge() {
  return view.live ? null : element("span", { class: "test" }, text("test"));
}

function place() {
  return view.store && view.store !== view.merchant ? view.store : "";
}

function payee() {
  return element("p", { class: "payee" }, text("payTo"), element("strong", {}, view.merchant),
    place() ? element("span", {}, place()) : null);
}

function size(amount) {
  return amount.length > 14 ? "longest" : amount.length > 10 ? "longer" : amount.length > 7 ? "long" : "";
}

function sum() {
  const amount = grouped(view.amount);
  return element("p", { class: "amount " + size(amount) }, element("small", {}, symbol()), amount);
}

function subject() {
  return [view.merchant, view.store].includes(view.subject) ? "" : view.subject;
}

function head() {
  return [badge(), payee(), subject() ? element("p", { class: "subject" }, subject()) : null, sum()];
}

function heading(content, kind = "") {
  return element("h1", { tabindex: "-1", class: kind }, content);
}

function hint(...content) {
  return element("p", { class: "hint" }, ...content);
}

function picture(kind, alt) {
  return element("div", { class: "code " + kind },
    element("img", { src: HERE + "/code.svg?v=" + view.version, alt, width: "240", height: "240" }));
}

function isOfTheWeb(url) {
  return url !== null && /^https?:\/\//.test(url);
}

function clock() {
  return element("p", { class: "time", id: "time", role: "timer", "aria-live": "off" });
}

function others() {
  // One that cannot be taken back is paid there, or nowhere until it is over: that is said, and when.
  if (view.bound_seconds !== null) return [element("p", { class: "hint", id: "bound" })];
  const rest = view.offers.filter((offer) => offer.channel !== view.channel);
  if (!rest.length) return [];
  return [element("p", { class: "or" }, text("others")), element("div", { class: "next" }, ways(choose, rest, "other"))];
}

function barred() {
  return view.barred.map((each) => hint(isMore(view.amount, each.maximum)
    ? text("tooMuch", named(each.channel), money(each.maximum))
    : text("tooLittle", named(each.channel), money(each.minimum))));
}

function choosing() {
  if (!view.offers.length) return [heading(text("none")), ...barred(), hint(text("noneHint"))];
  const one = view.offers.length === 1;
  const scan = view.device !== "desktop" ? []
    : [element("p", { class: "or" }, text("here")), picture("page", text("page")), hint(text("hereHint"))];
  return [
    clock(), view.was_refused ? element("p", { class: "notice" }, text("refused")) : null,
    heading(text("choose"), one ? "quiet" : ""),
    element("div", { class: "next" }, ways(choose, view.offers, one ? "one" : "three")), ...barred(), ...scan,
  ];
}

function scanning() {
  const name = named(view.channel);
  const played = view.simulator_url === null ? null
    : hint(element("a", { href: view.simulator_url, target: "_blank", rel: "noopener" }, text("player")));
  return [clock(), heading(text("scan", name)), picture(view.channel, text("code", name)), played, ...others()];
}

function leaving() {
  const name = named(view.channel);
  const href = HERE + "/go?lang=" + language;
  const again = element("a", { class: "button way " + view.channel, href }, text("again", name));
  return [clock(), heading(text("waiting", name)), element("div", { class: "next" }, again), ...others()];
}

// -- how it ended

function outcome() {
  if (view.status !== "succeeded") return view.status;
  return view.refunded === null ? "succeeded" : view.is_fully_refunded ? "refundedFully" : "refundedPartly";
}

function mark() {
  const [kind, sign] = { succeeded: ["good", "✓"], authorized: ["good", "✓"], failed: ["bad", "!"] }[outcome()]
    || ["calm", outcome().startsWith("refunded") ? "↩" : "–"];
  return element("div", { class: "result " + kind, "aria-hidden": "true" }, sign);
}

function fact(key, value, kind = "") {
  return value ? [element("dt", {}, text(key)), element("dd", { class: kind }, value)] : [];
}

function when(moment) {
  const style = { dateStyle: "medium", timeStyle: "medium", hour12: false };
  return new Date(moment).toLocaleString(language === "zh" ? "zh-CN" : "en-GB", style);
}

function receipt() {
  const paid = view.receipt || { reference: null, transaction_id: null, paid_at: null };
  return element("dl", { class: "receipt" },
    ...fact("refund", view.refunded && money(view.refunded)),
    ...fact("payee", [view.merchant, place()].filter(Boolean).join(" · ")),
    ...fact("subject", subject()),
    ...fact("way", isPaid() && view.channel && named(view.channel)),
    ...fact("time", paid.paid_at && when(paid.paid_at)),
    ...fact("transaction", paid.transaction_id, "number"),
    ...fact("reference", paid.reference, "number"));
}

function leave() {
  // The apps' own pages close; a browser closes what it opened itself only.
  if (window.WeixinJSBridge) window.WeixinJSBridge.call("closeWindow");
  else if (window.AlipayJSBridge) window.AlipayJSBridge.call("closeWebview");
  else window.close();
  setTimeout(() => put("closing", text("close")), 300);
}

function endings() {
  const label = text(isPaid() ? "done" : "back");
  const first = isOfTheWeb(view.return_url)
    ? element("a", { class: "button primary", href: view.return_url }, label)
    : element("button", { type: "button", class: "primary", onclick: leave }, text("done"));
  const again = isOfTheWeb(view.store_url)
    ? element("a", { class: "button plain", href: view.store_url }, text("repeat")) : null;
  return [element("div", { class: "next" }, first, again), element("p", { class: "hint", id: "closing", "aria-live": "polite" })];
}

function decided() {
  const next = view.status === "succeeded" && view.refunded !== null ? "refundHint"
    : isPaid() ? "" : view.store_url !== null && view.status !== "canceled" ? "notCharged" : view.status + "Hint";
  return [
    badge(), mark(), heading(text(outcome())), sum(), next ? hint(text(next)) : null,
    receipt(), ...endings(),
  ];
}

function payment() {
  if (isDecided()) return decided();
  if (view.status === "processing" || (busy && view.action === null)) {
    return [...head(), element("div", { class: "wait", "aria-hidden": "true" }),
      heading(text("processing")), hint(text("processingHint"))];
  }
  if (view.action === "code") return [...head(), ...scanning()];
  return [...head(), ...(view.action === "go" ? leaving() : choosing())];
}

// -- a store's code: the amount is judged while it is typed

function most() {
  return view.offers.reduce((most, offer) => isMore(offer.maximum, most) ? offer.maximum : most, "0");
}

function least() {
  return view.offers.reduce((least, offer) => isMore(least, offer.minimum) ? offer.minimum : least, most());
}

function fault(amount, isAsked) {
  if (amount === null) return isAsked || /[^\d０-９.,。．，¥￥\s]/.test(typed) ? text("wrong") : "";
  if (isMore(amount, most())) return text("most", money(most()));
  // Who has typed "0" is about to type on.
  return isAsked && isMore(least(), amount) ? text("least", money(least())) : "";
}

function judge(isAsked, offer) {
  const amount = plainAmount(typed);
  let told = fault(amount, isAsked);
  for (const each of view.offers) {
    const isTooMuch = amount !== null && isMore(amount, each.maximum);
    const button = document.querySelector(".way." + each.channel);
    if (button) button.disabled = busy || isTooMuch;
    if (isTooMuch && !told) told = text("tooMuch", named(each.channel), money(each.maximum));
  }
  const fits = offer !== undefined && amount !== null && !isMore(amount, offer.maximum) && !isMore(offer.minimum, amount);
  tell(told);
  if (isAsked && !fits) document.getElementById("amount").focus();
  return fits;
}

function tell(told) {
  put("fault", told);
  const input = document.getElementById("amount");
  if (input !== null) input.setAttribute("aria-invalid", told ? "true" : "false");
}

function store() {
  const input = element("input", {
    id: "amount", inputmode: "decimal", autocomplete: "off", maxlength: "24", required: true, placeholder: "0.00",
    "aria-describedby": "fault limit", oninput: (event) => { typed = event.target.value; problem = ""; judge(false); },
  });
  input.value = typed;
  const send = (event) => {
    event.preventDefault();
    if (view.offers.length === 1) order(view.offers[0]);
    else judge(true);
  };
  const one = view.offers.length === 1;
  return [
    badge(), payee(), heading(text("enter")),
    element("form", { onsubmit: send, novalidate: true }, element("label", { for: "amount" }, text("amount")),
      element("div", { class: "sum" }, element("span", { "aria-hidden": "true" }, symbol()), input),
      element("p", { class: "fault", id: "fault", role: "alert" }),
      view.offers.length ? element("p", { class: "limit", id: "limit" }, text("most", money(most()))) : null,
      view.offers.length ? ways(order, view.offers, one ? "one" : "three") : hint(text("noneHint"))),
  ];
}

function nothing() {
  return [
    element("div", { class: "result calm", "aria-hidden": "true" }, missing === "revoked" ? "–" : "?"),
    heading(text(missing)), hint(text(missing + "Hint")),
  ];
}

function said() {
  if (missing) return text(missing);
  if (view === null || IS_STORE) return "";
  if (isDecided()) return text(outcome());
  if (view.status === "processing" || busy) return text("processing");
  if (view.action === "code") return text("scan", named(view.channel));
  return view.action === "go" ? text("waiting", named(view.channel)) : "";
}

function put(id, content) {
  const place = document.getElementById(id);
  if (place !== null && place.textContent !== content) place.textContent = content;
}

function draw() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = view === null || missing ? text("title") : text("title") + " · " + view.merchant;
  put("language", text("other"));
  put("title", text("title"));
  put("status", said());
  put("problem", problem && (!IS_STORE || view === null) ? text(problem) : "");
  put("footer", view === null || missing || isDecided() ? "" : text("footer"));
  // Drawn anew only where something changed, so that nothing is taken from under the payer's finger.
  const wanted = JSON.stringify([language, busy, missing, view && { ...view, seconds_left: 0, bound_seconds: bound() }]);
  if (wanted !== drawn && (view !== null || missing)) {
    drawn = wanted;
    const page = document.getElementById("page");
    const had = page.contains(document.activeElement) ? document.activeElement.id || "none" : "";
    const children = missing ? nothing() : IS_STORE ? store() : payment();
    page.replaceChildren(...children.filter((child) => child !== null));
    if (had) (document.getElementById(had) || page.querySelector("h1") || page).focus();
    tick();
  }
  if (!IS_STORE || view === null || missing) return;
  judge(false);
  if (problem) tell(text(problem));
}

function bound() {
  return !IS_STORE && view.bound_seconds !== null;
}

function span(until) {
  const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
  const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  return parts.slice(parts[0] ? 0 : 1).map((part) => String(part).padStart(2, "0")).join(":");
}

function tick() {
  if (view === null || IS_STORE) return;
  put("time", text("left", span(endsAt)));
  const isOver = boundUntil <= performance.now();
  const name = view.channel ? named(view.channel) : "";
  put("bound", isOver ? text("boundSoon", name) : text("bound", name, span(boundUntil)));
}

async function begin() {
  document.getElementById("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    keepLanguage();
    draw();
  });
  // Back from a channel's page, perhaps out of the browser's memory: what was true then may not be now.
  addEventListener("pageshow", (event) => {
    if (location.pathname !== HERE) location.reload();
    else if (event.persisted) refresh().then(follow);
  });
  addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && !IS_STORE && !missing) refresh();
  });
  addEventListener("pagehide", stop);
  setInterval(tick, 1000);
  await refresh();
  follow();
}

begin();
