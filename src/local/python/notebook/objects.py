"""The display objects of IPython.display, for where IPython is not installed."""

import base64
import html
import json
import mimetypes
import os
import urllib.parse
import urllib.request

SECONDS = 30


class DisplayObject:
    """Data of one MIME type: given, or read from a file or an address."""

    mime = "text/plain"
    is_binary = False

    def __init__(self, data=None, url=None, filename=None, metadata=None):
        if url is None and filename is None and isinstance(data, (str, os.PathLike)):
            if str(data).startswith(("http://", "https://")):
                data, url = None, str(data)
            elif self.is_binary or isinstance(data, os.PathLike):
                data, filename = None, os.fspath(data)
        self.data, self.url, self.filename, self.metadata = data, url, filename, metadata or {}
        self.reload()

    def reload(self):
        if self.filename is not None:
            with open(self.filename, "rb") as file:
                self.data = self.decoded(file.read())
        elif self.url is not None and self.data is None:
            with urllib.request.urlopen(self.url, timeout=SECONDS) as answer:
                self.data = self.decoded(answer.read())

    def decoded(self, data):
        return data if self.is_binary else data.decode("utf-8", "replace")

    def __repr__(self):
        return f"<IPython.core.display.{type(self).__name__} object>"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.mime: self.data}


class TextDisplayObject(DisplayObject):
    pass


class HTML(TextDisplayObject):
    mime = "text/html"

    def __html__(self):
        return self.data


class Markdown(TextDisplayObject):
    mime = "text/markdown"


class Latex(TextDisplayObject):
    mime = "text/latex"


class Math(Latex):
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.mime: f"$\\displaystyle {self.data.strip('$')}$"}


class SVG(DisplayObject):
    mime = "image/svg+xml"


class Pretty(TextDisplayObject):
    def __repr__(self):
        return self.data


class JSON(DisplayObject):
    mime = "application/json"

    def __init__(self, data=None, url=None, filename=None, expanded=False, metadata=None, root="root", **_options):
        super().__init__(data, url, filename, metadata)
        if isinstance(self.data, str):
            self.data = json.loads(self.data)


class GeoJSON(JSON):
    mime = "application/geo+json"


class Javascript(TextDisplayObject):
    mime = "application/javascript"

    def __init__(self, data=None, url=None, filename=None, lib=None, css=None):
        super().__init__(data, url, filename)


class Code(TextDisplayObject):
    mime = "text/html"

    def __init__(self, data=None, url=None, filename=None, language=None):
        self.language = language
        super().__init__(data, url, filename)

    def __repr__(self):
        return self.data

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.mime: f"<pre><code>{html.escape(self.data)}</code></pre>"}


def is_embedded(source, embed):
    is_address = isinstance(source, str) and source.startswith(("http://", "https://"))
    return not is_address if embed is None else embed


class Image(DisplayObject):
    """A picture. By its address only when `embed` is false, which is the default for an address."""

    is_binary = True
    MIMES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
    SIGNATURES = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))

    def __init__(self, data=None, url=None, filename=None, format=None, embed=None, width=None, height=None, **options):
        self.embed = is_embedded(url or data, embed)
        self.width, self.height, self.alt = width, height, options.get("alt")
        super().__init__(data, url, filename, options.get("metadata"))
        found = (name for signature, name in self.SIGNATURES if self.data and self.data.startswith(signature))
        self.format = (format or next(found, "png")).lower()

    def reload(self):
        if self.embed:
            super().reload()

    def _repr_mimebundle_(self, include=None, exclude=None):
        if not self.embed:
            return {"text/html": f"<img{attributes(src=self.url or self.filename, **self.size())}/>"}
        mime = self.MIMES.get(self.format, f"image/{self.format}")
        return {mime: base64.b64encode(self.data).decode("ascii")}

    def size(self):
        return {"width": self.width, "height": self.height, "alt": self.alt}


class Media(DisplayObject):
    """Sound or film, as HTML with the data in it, or with the address."""

    is_binary = True
    mime = "text/html"
    kind, default = "", ""

    def __init__(self, data=None, url=None, filename=None, embed=None, autoplay=False, mimetype=None, **options):
        self.embed = is_embedded(url or data, embed)
        self.autoplay, self.mimetype, self.options = autoplay, mimetype, options
        super().__init__(data, url, filename)

    def reload(self):
        if self.embed:
            super().reload()

    def _repr_mimebundle_(self, include=None, exclude=None):
        mime = self.mimetype or mimetypes.guess_type(self.filename or self.url or "")[0] or self.default
        source = self.url
        if self.embed:
            source = f"data:{mime};base64,{base64.b64encode(self.data).decode('ascii')}"
        size = {name: self.options.get(name) for name in ("width", "height")}
        autoplay = " autoplay" if self.autoplay else ""
        written = attributes(**size, src=source)
        return {self.mime: f"<{self.kind} controls{autoplay}{written}></{self.kind}>"}


class Video(Media):
    kind, default = "video", "video/mp4"


class Audio(Media):
    """Sound: as a file, or as samples (numbers, or one list of them for each channel) with a rate."""

    kind, default = "audio", "audio/wav"

    def __init__(self, data=None, filename=None, url=None, embed=None, rate=None, autoplay=False, normalize=True, **_):
        if data is not None and not isinstance(data, (str, bytes, os.PathLike)):
            data = wave_of(data, rate, normalize)
        super().__init__(data, url, filename, embed, autoplay)


def wave_of(samples, rate, normalize):
    import array
    import io
    import wave

    if rate is None:
        raise ValueError("rate must be specified when data is a numpy array or list of audio samples.")
    rows = [list(map(float, row)) if hasattr(row, "__len__") else float(row) for row in samples]
    channels = rows if rows and isinstance(rows[0], list) else [rows]
    peak = max((abs(sample) for channel in channels for sample in channel), default=0)
    if not normalize and peak > 1:
        raise ValueError("Audio data must be between -1 and 1 when normalize=False.")
    scale = 32767 / (peak or 1) if normalize else 32767
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(len(channels))
        written.setsampwidth(2)
        written.setframerate(int(rate))
        frames = array.array("h", (int(sample * scale) for frame in zip(*channels) for sample in frame))
        written.writeframes(frames.tobytes())
    return file.getvalue()


class IFrame:
    def __init__(self, src, width, height, extras=None, **parameters):
        self.src, self.width, self.height, self.extras = src, width, height, extras or []
        self.params = parameters

    def _repr_html_(self):
        query = "?" + urllib.parse.urlencode(self.params) if self.params else ""
        size = attributes(width=self.width, height=self.height, src=self.src + query)
        return f"<iframe{size} frameborder=\"0\" allowfullscreen {' '.join(self.extras)}></iframe>"


class YouTubeVideo(IFrame):
    def __init__(self, id, width=400, height=300, **parameters):
        super().__init__(f"https://www.youtube.com/embed/{id}", width, height, **parameters)


class FileLink:
    """A path as a link."""

    def __init__(self, path, url_prefix="", **_options):
        self.path, self.url_prefix = str(path), url_prefix

    def __repr__(self):
        return os.path.abspath(self.path)

    def _repr_html_(self):
        return f"<a{attributes(href=self.url_prefix + self.path)} target='_blank'>{html.escape(self.path)}</a>"


def attributes(**values):
    given = {name: value for name, value in values.items() if value is not None}
    return "".join(f' {name}="{html.escape(str(value))}"' for name, value in given.items())
