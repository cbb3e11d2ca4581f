// A page behind the gateway: it has no token, only a session cookie that it cannot read.
"use strict";

const element = (id) => document.getElementById(id);

/** Send the browser to log in, and back to this page. */
function logIn() {
  location.assign("/oauth/login?to=" + encodeURIComponent(location.pathname));
}

/** Show who is logged in: claims of the ID token that the gateway verified. */
async function showPerson() {
  const response = await fetch("/oauth/userinfo");
  if (!response.ok) return logIn();
  const claims = await response.json();
  element("name").textContent = claims.name ?? claims.sub;
  element("person").textContent = `${claims.sub}, ${claims.tenant}`;
}

/** Call the API. What may change something needs X-CSRF, which no other site's page can send. */
async function call(method, path, isForged) {
  const headers = method === "GET" || isForged ? {} : { "X-CSRF": "1" };
  const response = await fetch(path, { method, headers });
  const members = await response.json();
  if (members.reason === "login_required") return logIn();
  element("result").hidden = false;
  element("request").textContent = `${method} ${path}`;
  element("outcome").className = response.ok ? "" : "refused";
  element("outcome").textContent = response.ok
    ? `${response.status}: the service ${members.service} saw`
    : `${response.status} ${members.reason}: ${members.detail}`;
  const isShown = ([name]) => /^(x-gateway-|cookie$|authorization$)/i.test(name);
  const seen = (members.headers ?? []).filter(isShown);
  element("fields").replaceChildren(...seen.map(row));
}

function row(cells) {
  const line = document.createElement("tr");
  for (const text of cells) line.insertCell().textContent = text;
  return line;
}

/** End the session here and at the issuer: the gateway says where to go for that. */
async function logOut() {
  const response = await fetch("/oauth/logout", { method: "POST", headers: { "X-CSRF": "1" } });
  if (!response.ok) return logIn();
  location.assign((await response.json()).redirect);
}

for (const button of document.querySelectorAll("button[data-path]")) {
  const { method, path, forged } = button.dataset;
  button.addEventListener("click", () => call(method, path, forged !== undefined));
}
element("logout").addEventListener("click", logOut);
showPerson();
