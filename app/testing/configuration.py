"""The configuration of the servers that tests start, where they do not bring their own."""

CONFIG = """
[models.scripted]
provider = "scripted"

[models.builtin]
provider = "builtin"
pace = 0
aliases = ["gpt-4"]

[agents.open]                      # callers without a key come here
name = "Open"
model = "scripted"
tools = ["calculator", "clock", "knowledge"]
knowledge = ["knowledge/*.md"]
public = true
widget_key_wires = ["agents"]

[agents.frank]                     # takes system messages, shows its tools, answers briefly
model = "scripted"
tools = ["calculator"]
allow_system = true
show_tools = true
max_tokens = 5
widget_key_wires = ["agents"]

[agents.site]
name = "Site"
widget_key_wires = ["agents"]
model = "builtin"
tools = ["calculator", "clock", "knowledge"]
knowledge = ["knowledge/*.md"]

[limits]
other = "100000/minute"
workers = "100000/minute"
widget = "100000/minute"
agents = "100000/minute"
chats = "100000/minute"
openai = "100000/minute"
messages = "100000/minute"
responses = "100000/minute"

[server]
sign_up = true
heartbeat_seconds = 0.3
body_seconds = 1
send_seconds = 1
streams = 500
streams_per_caller = 250               # all tests call from one address
streams_per_key = 250
answer_bytes = 100000000               # readers who are slow, or stop, need more than fits on the way to them
stored_bytes_per_day = 100000000000
shutdown_seconds = 2
retry_seconds = 0.01
circuit_failures = 1000000              # a server that tests share must not pass models over
"""
