"""The built-in model, which follows rules and says so: it greets, calculates, tells the time and a joke, answers from
its user's things and the agent's knowledge, and says what an operator's workflow tells it to say. It needs no account
and no network, and calls tools like any other model. It repeats nothing that a caller makes up."""
