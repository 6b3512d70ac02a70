// Two phones play a whole match with Node's `ws`: node match.mjs <port> <code>
//
// Prints what each step brought as one JSON object; fails if a step brings
// nothing within three seconds.

import { WebSocket } from "ws";

const PATIENCE = 3000;

class Phone {
  constructor(port) {
    this.frames = [];
    this.wake = () => {};
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/sync`);
    this.open = new Promise((resolve, reject) => {
      this.socket.on("open", resolve).on("error", reject);
    });
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code) => resolve(code));
    });
    this.socket.on("message", (data, isBinary) => {
      if (isBinary) throw new Error("a binary frame");
      const message = JSON.parse(data);
      if (message.type === "time_sync_request") this.answer(message);
      this.frames.push(message);
      this.wake();
    });
  }

  answer({ request_id, server_timestamp }) {
    const client_timestamp = Date.now();
    this.send({
      type: "time_sync_response",
      request_id,
      server_timestamp,
      client_timestamp,
    });
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  async expect(type) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const place = this.frames.findIndex((frame) => frame.type === type);
      if (place >= 0) return this.frames.splice(0, place + 1).at(-1);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${type} came`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

const [port, code] = process.argv.slice(2);
const seen = {};

const host = new Phone(port);
await host.open;
host.send({ type: "join", sessionId: code, isHost: true, deviceName: "Host" });
seen.hostJoined = await host.expect("joined");

const guest = new Phone(port);
await guest.open;
guest.send({ type: "join", sessionId: code, isHost: false, deviceName: "Guest" });
seen.guestJoined = await guest.expect("joined");
seen.hostSawGuest = await host.expect("device_connected");
seen.guestSawHost = await guest.expect("device_connected");

host.send({ type: "start_recording", timestamp: Date.now() });
seen.hostStart = await host.expect("start_recording");
seen.guestStart = await guest.expect("start_recording");

guest.send({ type: "start_recording", timestamp: Date.now() });
seen.refused = await guest.expect("error");

guest.send({ type: "stop_recording", timestamp: Date.now() });
seen.hostStop = await host.expect("stop_recording");
seen.guestStop = await guest.expect("stop_recording");

guest.socket.close(1000, "User disconnected");
seen.guestClosed = await guest.closed;
seen.hostSawGuestLeave = await host.expect("device_disconnected");
host.socket.close(1000, "User disconnected");
seen.hostClosed = await host.closed;

console.log(JSON.stringify(seen));
