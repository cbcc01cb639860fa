"""Stand-ins for what runs on a GPU node: llama.cpp, chatterbox and whisper, as they behave."""
