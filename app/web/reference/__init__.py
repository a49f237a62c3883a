"""Operations as the wires declare them, and the documents made of these: OpenAPI, and a page for people."""
