"""Contracts that nobody wrote: a WSDL of one operation, with values that are valid for it and changes that make them invalid.

Made of bytes that hypothesis draws in one go, which costs little and shrinks well: a zero is the simplest choice everywhere. It knows
XML Schema and the facade's convention of names, and asks nothing of the code that is tested.
"""
