"""Have documents at hand before they are asked for, wherever they come from."""
