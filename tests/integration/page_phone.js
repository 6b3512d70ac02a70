// A phone in a web page: one WebSocket, a clock of its own, and all that it hears.
//
// Every wait ends with what it waits for, or fails after three seconds.

globalThis.Phone = class {
  // `kind` says how its clock is wrong, in ms, and whether it has fractions.
  constructor(url, kind) {
    this.kind = kind;
    this.heard = [];
    this.wake = () => {};
    this.socket = new WebSocket(url);
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.open = new Promise((resolve, reject) => {
      this.socket.onopen = () => resolve();
      this.socket.onerror = () => reject(new Error(`${url} lets nobody in`));
    });
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code }) => resolve(code);
    });
  }

  now() {
    const fine = performance.timeOrigin + performance.now();
    return this.kind.ahead + (this.kind.fine ? fine : Date.now());
  }

  say(message) {
    this.socket.send(JSON.stringify(message));
  }

  take(message) {
    if (message.type === "time_sync_request") this.tellClock(message);
    this.heard.push(message);
    this.wake();
  }

  tellClock({ request_id, server_timestamp }) {
    const type = "time_sync_response";
    this.say({ type, request_id, server_timestamp, client_timestamp: this.now() });
  }

  // The oldest message of that type; those of other types stay.
  async hear(type) {
    const deadline = performance.now() + 3000;
    for (;;) {
      const place = this.heard.findIndex((message) => message.type === type);
      if (place >= 0) return this.heard.splice(place, 1)[0];
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no ${type} among ${JSON.stringify(this.heard)}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
};
