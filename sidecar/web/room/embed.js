/* For the page that embeds a room: <div data-sidecar-room="hamlet"></div> gets the frame, its height, and what it tells as events
   (sidecar:state, sidecar:pass, sidecar:place, …) whose detail is the message. It keeps the place where the frame itself may keep nothing. */
(() => {
  const { origin } = new URL(document.currentScript.src);
  const embed = (host) => {
    if (host.dataset.sidecarOn) return;
    host.dataset.sidecarOn = "1";
    const room = host.dataset.sidecarRoom, key = `sidecar-room:${origin}:${room}`, frame = document.createElement("iframe");
    let memory = null;
    const kept = () => { try { return localStorage.getItem(key); } catch { return memory; } };
    const keep = (place) => {
      memory = place;
      try { if (place) localStorage.setItem(key, place); else localStorage.removeItem(key); } catch { /* then in memory */ }
    };
    const restore = () => frame.contentWindow?.postMessage({ type: "sidecar:restore", room, place: kept(), keeps: true }, origin);
    frame.src = `${origin}/.sidecar/rooms/${encodeURIComponent(room)}/widget`;
    frame.title = host.dataset.title || "Waiting room";
    frame.referrerPolicy = "origin"; // by which the frame knows who we are, in browsers that say it in no other way
    Object.assign(frame.style, { width: "100%", border: "0", height: "420px", display: "block" });
    addEventListener("message", (event) => {
      if (event.origin !== origin || event.source !== frame.contentWindow || !String(event.data?.type).startsWith("sidecar:")) return;
      const { type, height, place } = event.data;
      if (type === "sidecar:height" && height > 0) frame.style.height = `${Math.min(height, 4000)}px`;
      if (type === "sidecar:place") keep(place);
      if (type === "sidecar:ready") restore();
      host.dispatchEvent(new CustomEvent(type, { detail: event.data, bubbles: true }));
    });
    frame.addEventListener("load", restore);
    host.append(frame);
  };
  const all = () => document.querySelectorAll("[data-sidecar-room]").forEach(embed);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all); else all();
})();
