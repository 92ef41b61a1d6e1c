// What the server told the page: the CSRF token, the nonce, translated strings, cookies for the look.

export function meta(name) {
  return document.querySelector(`meta[name="${name}"]`)?.content ?? "";
}

let strings;

/** A translated sentence of the page's <script type="application/json" id="strings">. */
export function say(key, values = {}) {
  strings ??= JSON.parse(document.getElementById("strings")?.textContent || "{}");
  return (strings[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Remember a choice of looks for a year; the server reads it, so the next page comes without a flash. */
export function remember(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}
