"""What a client gets to see of Python objects: values in all their representations, and errors."""

import base64
import builtins
import os
import traceback

from code_interpreter_libraries import library_forms
from code_interpreter_plain import json_text

REPRESENTATIONS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_pdf_": "application/pdf",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
    "_repr_javascript_": "application/javascript",
}

JSON_TYPES = ("application/json", "e2b/data", "e2b/chart")


# --- builtins -------------------------------------------------------------------------------------------------

# This module and the driver have builtins of their own, but the standard library has those of user code.
BUILTINS = vars(builtins)
ORIGINALS = dict(BUILTINS)


def restore_builtins():
    """Puts back the builtins that user code replaced or removed, and says which; false when there are none."""
    changed = [name for name, value in ORIGINALS.items() if BUILTINS.get(name) is not value]
    for name in changed:
        BUILTINS[name] = ORIGINALS[name]
    if changed:
        note = f"code-interpreter: put back builtins that it cannot work without: {', '.join(changed)}\n"
        os.write(2, note.encode())
    return bool(changed)


def sturdily(function, *arguments):
    """Calls a function; when it fails and user code has changed builtins, again with the original ones."""
    try:
        return function(*arguments)
    except Exception:
        if not restore_builtins():
            raise
    return function(*arguments)


# --- values ---------------------------------------------------------------------------------------------------


def encoded(mime, value):
    """What the wire carries for a representation: JSON as its text, bytes as base64, the rest as a string."""
    if mime in JSON_TYPES or mime.endswith("+json"):
        return json_text(value)
    return str(binary_as_text(value))


def binary_as_text(value):
    return base64.b64encode(value).decode("ascii") if isinstance(value, (bytes, bytearray)) else value


def call_representation(value, method):
    """The answer of one `_repr_*_` method, or None. One that fails is told of, and does not hide the others."""
    try:
        function = getattr(value, method, None)
        if not callable(function):
            return None
        answer = function()
        return answer[0] if isinstance(answer, tuple) else answer
    except Exception:
        traceback.print_exc()
        return None


def representations(value):
    """MIME type -> text of everything that the value offers."""
    data = {"text/plain": repr(value)}
    if isinstance(value, (list, dict)):
        data["application/json"] = json_text(value)
    for mime, form in library_forms(value).items():
        data[mime] = binary_as_text(form)
    if not isinstance(value, type):
        for method, mime in REPRESENTATIONS.items():
            answer = call_representation(value, method)
            if answer is not None:
                data[mime] = encoded(mime, answer)
        bundle = call_representation(value, "_repr_mimebundle_")
        if isinstance(bundle, dict):
            data.update({str(m): encoded(str(m), v) for m, v in bundle.items() if v is not None})
    return {mime: text for mime, text in data.items() if text is not None}


# --- errors ---------------------------------------------------------------------------------------------------


# How the names of files begin whose frames are not shown.
HIDDEN = ["<code_interpreter_"]


def user_traceback(error):
    """The traceback from the first frame of user code on: what calls it is of no interest."""
    tb = error.__traceback__
    while tb is not None:
        if tb.tb_frame.f_code.co_filename.startswith("<cell "):
            return tb
        tb = tb.tb_next
    return error.__traceback__


def format_error(error):
    """The traceback as text, without the frames of the driver, wherever they stand."""
    told = traceback.TracebackException(type(error), error, user_traceback(error))
    queue, seen = [told], set()
    while queue:
        part = queue.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(tuple(HIDDEN))]
        queue += [part.__cause__, part.__context__]
    return "".join(told.format())


# Past a metaclass, and past subclasses of str, whose answers are not to be trusted.
name_of = type.__dict__["__name__"].__get__
plain_text = str.__str__


def describe(error):
    """Name, value and traceback; user code may have broken each of the three."""
    name = plain_text(name_of(type(error)))
    try:
        value = plain_text(str(error))
    except BaseException:
        value = "<the exception's __str__ failed>"
    try:
        text = sturdily(format_error, error)
    except BaseException:
        text = f"{name}: {value}\n"
    return {"event": "error", "name": name, "value": value, "traceback": text}
