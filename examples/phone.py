import sys

from twisted.internet import task

from raydel.client import Footage, connect, now


class Camera:
    def start(self, take):
        return now()  # the presentation time of the first frame

    def stop(self, take):
        return Footage(last_frame=now(), file_name=f"{take.id}.mp4")


async def main(reactor, url, code, role):
    me = {"name": role, "is_host": role == "host", "memory": f"{role}.json"}
    phone = await connect(url, code, camera=Camera(), **me)
    if role == "host":
        await phone.company()
        phone.take or await phone.start()
        await task.deferLater(reactor, 3)
        await phone.stop()
        await phone.complete()
        await phone.leave()
    await phone.over


task.react(main, sys.argv[1:])
