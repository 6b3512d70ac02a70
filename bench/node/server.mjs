// What the server is measured against: the same protocol on ws and Express, with the
// same checks, in memory. node server.mjs <port>
//
// It asks phones their time as often as Raydel does. A phone that declares
// "asked-around-starts" is also asked before each start, and after each stop.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import express from "express";
import { WebSocketServer } from "ws";

const QUESTIONS = 16;
const SPACING = 50;
const HASTE = 25;
const CADENCE = 10_000;
const LEAD = 430;
const LATEST = 410;
const BEAT = 4_000;
const SILENCE = 10_000;
const CODE = /^[A-Z0-9]{6}$/;
const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

const sessions = new Map();
const phones = new Set();
const now = () => performance.timeOrigin + performance.now();

class Phone {
  constructor(socket) {
    this.socket = socket;
    this.session = null;
    this.open = new Map();
    this.samples = [];
    this.answers = 0;
    this.asked = 0;
    this.bursts = 0;
    this.heard = now();
    this.onAnswer = null;
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  refuse(message, code) {
    this.send({ type: "error", message, code });
  }

  // Asks so many questions; a later burst takes the place of this one.
  ask(spacing, left = QUESTIONS, burst = ++this.bursts) {
    if (burst !== this.bursts || !this.session) return;
    const at = now();
    const name = `${this.session.id}-${++this.asked}`;
    this.open.set(name, at);
    if (this.open.size > 64) this.open.delete(this.open.keys().next().value);
    this.send({ type: "time_sync_request", request_id: name, server_timestamp: at });
    if (left > 1) setTimeout(() => this.ask(spacing, left - 1, burst), spacing);
  }

  answered(message) {
    const at = this.open.get(message.request_id);
    if (at === undefined) return;
    this.open.delete(message.request_id);
    const came = now();
    const trip = came - at;
    const offset = message.client_timestamp - (at + came) / 2;
    this.samples.push({ trip, offset });
    if (this.samples.length > QUESTIONS) this.samples.shift();
    this.answers++;
    if (this.answers <= 5 || this.answers % QUESTIONS === 0) {
      const best = this.best();
      this.send({
        type: "time_sync_update",
        request_id: message.request_id,
        offset_ms: best.offset,
        latency_ms: best.trip / 2,
        sample_count: this.samples.length,
        server_timestamp: at,
        server_receive_timestamp: came,
      });
    }
    this.onAnswer?.();
  }

  best() {
    return this.samples.reduce((a, b) => (a.trip <= b.trip ? a : b));
  }
}

const statusOf = (session) => ({
  id: session.id,
  deviceCount: session.phones.length,
  isRecording: session.take !== null,
  createdAt: session.createdAt,
  devices: session.phones.map(({ id, name, isHost, connectedAt }) => ({
    id, name, isHost, connectedAt,
  })),
});

function join(phone, message) {
  if (phone.session) return phone.refuse("Already in a session", "already_joined");
  const { sessionId, isHost = false, deviceName, capabilities = [] } = message;
  if (sessionId === undefined || sessionId === "")
    return phone.refuse("Session ID is required", "session_id_required");
  const code = typeof sessionId === "string" ? sessionId.toUpperCase() : "";
  if (!CODE.test(code)) return phone.refuse("Invalid session ID", "invalid_session_id");
  if (typeof isHost !== "boolean" || !Array.isArray(capabilities))
    return phone.refuse("Invalid message format", "invalid_message");
  if (deviceName !== undefined && !isName(deviceName))
    return phone.refuse("Invalid message format", "invalid_message");
  let session = sessions.get(code);
  if (!session && !isHost) return phone.refuse("Session not found", "session_not_found");
  if (session && isHost) return phone.refuse("Session already has a host", "host_exists");
  if (session && session.phones.length >= 2)
    return phone.refuse("Session is full", "session_full");
  if (!session) {
    const createdAt = new Date().toISOString();
    session = { id: code, phones: [], take: null, createdAt };
    sessions.set(code, session);
  }
  seat(phone, session, isHost, deviceName, capabilities);
}

const isName = (name) =>
  typeof name === "string" && name.length <= 64 && !UNSHOWABLE.test(name);

function seat(phone, session, isHost, name, capabilities) {
  phone.id = randomBytes(12).toString("base64url");
  phone.name = name || `Device ${phone.id}`;
  phone.isHost = isHost;
  phone.isReady = false;
  phone.isAskedAround = capabilities.includes("asked-around-starts");
  phone.connectedAt = new Date().toISOString();
  phone.session = session;
  const others = [...session.phones];
  session.phones.push(phone);
  phone.send({
    type: "joined", sessionId: session.id, deviceId: phone.id, deviceName: phone.name,
    isHost, sessionStatus: statusOf(session),
  });
  for (const other of others) {
    other.send(connected(phone));
    phone.send(connected(other));
  }
  phone.ask(SPACING);
}

const connected = ({ id, name, session }) => ({
  type: "device_connected", deviceId: id, deviceName: name, sessionId: session.id,
});

function start(phone) {
  const { session } = phone;
  if (session.take) return phone.refuse("Recording already in progress", "recording_in_progress");
  const accepted = now();
  const take = { id: randomBytes(12).toString("base64url"), startAt: accepted + LEAD };
  session.take = take;
  for (const each of session.phones) {
    const tell = () => tellStart(each, session, take, accepted, phone.id);
    if (each.isAskedAround) askedFirst(each, tell);
    else tell();
  }
}

// Lets a copy leave once the burst before it is answered, and in time in any case.
function askedFirst(phone, tell) {
  const wanted = phone.answers + QUESTIONS;
  const leave = () => {
    clearTimeout(latest);
    phone.onAnswer = null;
    tell();
  };
  const latest = setTimeout(leave, LATEST);
  phone.onAnswer = () => phone.answers >= wanted && leave();
  phone.ask(HASTE);
}

function tellStart(phone, session, take, accepted, initiator) {
  if (session.take !== take) return;
  const local = phone.samples.length ? take.startAt + phone.best().offset : take.startAt;
  const own = { atomic_start: local, latency_compensation: phone.samples.length ? phone.best().trip / 2 : 0 };
  const at = now();
  phone.send({
    type: "start_recording", sessionId: session.id, timestamp: accepted, initiator,
    atomic_start_time: take.startAt, takeId: take.id, buffer_time_ms: take.startAt - at,
    server_now: at, high_precision: true, device_timestamps: { [phone.id]: own },
    localStartTime: local,
  });
}

function stop(phone) {
  const { session } = phone;
  if (!session.take) return phone.refuse("No recording in progress", "no_recording");
  const takeId = session.take.id;
  session.take = null;
  const timestamp = now();
  for (const each of session.phones) {
    each.send({ type: "stop_recording", sessionId: session.id, timestamp, initiator: phone.id, takeId });
    if (each.isAskedAround) each.ask(HASTE);
  }
}

function ready(phone) {
  phone.isReady = true;
  const all = phone.session.phones;
  const count = all.filter((each) => each.isReady).length;
  for (const each of all)
    each.send({
      type: "readiness_update", ready_devices: count, total_devices: all.length,
      all_ready: count === all.length,
    });
}

const isFinite = (number) => typeof number === "number" && Math.abs(number) <= 2 ** 53;

function timeSync(phone, message) {
  const { request_id, server_timestamp, client_timestamp } = message;
  if (typeof request_id !== "string" || !isFinite(server_timestamp) || !isFinite(client_timestamp))
    return phone.refuse("Invalid time_sync_response payload", "invalid_time_sync");
  phone.answered(message);
}

const seated = (act) => (phone, message) =>
  phone.session ? act(phone, message) : phone.refuse("Not connected to a session", "not_joined");

const acts = new Map(Object.entries({
  join,
  start_recording: seated(start),
  stop_recording: seated(stop),
  device_ready: seated(ready),
  time_sync_response: timeSync,
  foreground: (phone) => phone.ask(SPACING),
  ping: (phone) => phone.send({ type: "pong" }),
}));

function received(phone, data) {
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return phone.refuse("Invalid message format", "invalid_message");
  }
  if (typeof message?.type !== "string")
    return phone.refuse("Invalid message format", "invalid_message");
  const act = acts.get(message.type);
  if (!act) return phone.refuse(`Unknown message type: ${message.type.slice(0, 64)}`, "unknown_type");
  act(phone, message);
}

function closed(phone) {
  phones.delete(phone);
  const { session } = phone;
  if (!session) return;
  phone.session = null;
  session.phones = session.phones.filter((each) => each !== phone);
  for (const each of session.phones) {
    each.send({ type: "device_disconnected", deviceId: phone.id, sessionId: session.id });
    if (phone.isHost) {
      each.send({ type: "session_ended", sessionId: session.id });
      each.session = null;
      each.socket.close(1000);
    }
  }
  if (phone.isHost) sessions.delete(session.id);
}

const app = express();
app.get("/health", (_request, response) => {
  response.json({
    status: "healthy", timestamp: new Date().toISOString(),
    activeSessions: sessions.size, totalConnections: phones.size,
  });
});
app.get("/api/sessions", (_request, response) => {
  response.json({ sessions: [...sessions.values()].map(statusOf) });
});

const server = createServer(app);
const sockets = new WebSocketServer({
  server, path: "/sync", maxPayload: 16 * 1024, perMessageDeflate: false,
});
sockets.on("connection", (socket) => {
  const phone = new Phone(socket);
  phones.add(phone);
  socket.on("message", (data, isBinary) => {
    phone.heard = now();
    if (isBinary) socket.close(1003);
    else received(phone, data);
  });
  socket.on("pong", () => (phone.heard = now()));
  socket.on("close", () => closed(phone));
  socket.on("error", () => {});
});
setInterval(() => {
  const limit = now() - SILENCE;
  for (const phone of phones) phone.heard < limit ? phone.socket.terminate() : phone.socket.ping();
}, BEAT);
setInterval(() => phones.forEach((phone) => phone.ask(SPACING)), CADENCE);
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 1024 });
