"""The spec language: text to layers and layers to text, and what was probably meant by a text that is wrong."""
