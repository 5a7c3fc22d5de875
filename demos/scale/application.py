#!/usr/bin/env python3
"""An application server that reaches several Janus servers through one broker.

    application.py mqtt|rabbitmq PORT NAME…

Server NAME takes requests from NAME-to, answers on NAME-from (the packaged transport module) and tells its events on NAME-events (the
packaged event handler). At each of them the application makes a session with a handle of the echo test, asks it something, waits
until the events tell of both, and ends the session. One line of JSON per server. Needs paho-mqtt or pika.
"""

import itertools
import json
import queue
import sys
import threading
import time

LIMIT = 60


class Mqtt:
    def __init__(self, port, topics):
        from paho.mqtt import client
        self.messages = {topic: queue.Queue() for topic in topics}
        subscribed = threading.Event()
        self.client = client.Client(client.CallbackAPIVersion.VERSION2)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.on_message = lambda _client, _data, message: self.messages[message.topic.split("/")[0]].put(message.payload)
        self.client.connect("127.0.0.1", port)
        # The event handler has a topic below for each kind of event.
        self.client.subscribe([(f"{topic}/#", 1) for topic in topics])
        self.client.loop_start()
        if not subscribed.wait(LIMIT):
            raise TimeoutError("the broker does not answer")

    def send(self, topic, text):
        self.client.publish(topic, text, qos=1)

    def receive(self, topic, limit=LIMIT):
        """None when nothing comes."""
        try:
            return self.messages[topic].get(timeout=limit)
        except queue.Empty:
            return None


class Rabbitmq:
    """Queues of the default exchange, as the transport module makes them."""

    def __init__(self, port, queues):
        import pika
        self.connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
        self.channel = self.connection.channel()
        for name in queues:
            self.channel.queue_declare(name)

    def send(self, name, text):
        self.channel.basic_publish("", name, text)

    def receive(self, name, limit=LIMIT):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            _, _, body = self.channel.basic_get(name, auto_ack=True)
            if body is not None:
                return body
            time.sleep(0.05)
        return None


BROKERS = {"mqtt": Mqtt, "rabbitmq": Rabbitmq}


class Server:
    def __init__(self, broker, name):
        self.broker, self.name = broker, name
        self.numbers = itertools.count(1)

    def find(self, topic, wanted, again=None):
        """The first message there, alone or in a list, that is wanted; what came before it is dropped. `again` is called
        every second until then."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            message = self.broker.receive(f"{self.name}-{topic}", 1)
            if message is None:
                if again:
                    again()
                continue
            message = json.loads(message)
            for one in message if isinstance(message, list) else [message]:
                if wanted(one):
                    return one
        raise TimeoutError(f"nothing on {self.name}-{topic}")

    def reach(self):
        """A broker keeps nothing for a server that has not subscribed yet, and nothing of an event handler that is not
        connected yet: asked until both are heard."""
        def create():
            self.broker.send(f"{self.name}-to", json.dumps({"janus": "create", "transaction": f"{self.name}-reach"}))
        create()
        # Type 1 of events: sessions.
        self.find("events", lambda event: event.get("type") == 1, create)

    def ask(self, request, kind="success"):
        transaction = f"{self.name}-{next(self.numbers)}"
        self.broker.send(f"{self.name}-to", json.dumps({**request, "transaction": transaction}))
        return self.find("from", lambda answer: answer.get("transaction") == transaction and answer["janus"] == kind)

    def try_it(self):
        self.reach()
        session = self.ask({"janus": "create"})["data"]["id"]
        handle = self.ask({"janus": "attach", "session_id": session, "plugin": "janus.plugin.echotest"})["data"]["id"]
        event = self.ask({"janus": "message", "session_id": session, "handle_id": handle, "body": {"audio": False}}, "event")
        # Types 1 and 2 of events: sessions and handles.
        created = self.find("events", lambda event: event.get("type") == 1 and event["session_id"] == session)
        attached = self.find("events", lambda event: event.get("type") == 2 and event["handle_id"] == handle)
        self.ask({"janus": "destroy", "session_id": session})
        return {"server": self.name, "emitter": created.get("emitter"), "result": event["plugindata"]["data"]["result"],
                "events": [created["event"]["name"], attached["event"]["name"]]}


def main(kind, port, *names):
    topics = [f"{name}-{end}" for name in names for end in ("from", "events")]
    broker = BROKERS[kind](int(port), topics)
    for name in names:
        print(json.dumps(Server(broker, name).try_it()), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in BROKERS:
        sys.exit(__doc__)
    main(*sys.argv[1:])
